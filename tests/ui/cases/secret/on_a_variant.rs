use annalist::prelude::*;

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct CustomerId(String);

#[derive(Event, Serialize, Deserialize)]
enum CustomerEvent {
    #[secret(subject = customer)]
    Registered {
        #[id]
        customer: CustomerId,
    },
}

fn main() {}
