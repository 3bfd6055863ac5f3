//! Users with e-mail addresses and names, which are personal ids.

use std::sync::Arc;

use annalist::{Secret, prelude::*};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct UserId(pub(crate) u32);

/// Stays taken after its user is forgotten.
#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret)]
pub(crate) struct Email(pub(crate) String);

/// Is free again.
#[derive(Id, Clone, PartialEq, Eq, Hash)]
#[id(secret, after_forget = "free")]
pub(crate) struct Nick(pub(crate) String);

pub(crate) fn email(text: &str) -> Email {
    Email(text.to_owned())
}

pub(crate) fn nick(text: &str) -> Nick {
    Nick(text.to_owned())
}

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "user")]
pub(crate) enum UserEvent {
    SignedUp {
        #[id]
        user: UserId,
        #[id]
        email: Secret<Email>,
        #[id]
        nick: Option<Secret<Nick>>,
    },
    Invited {
        #[id]
        by: UserId,
        #[id]
        guests: Vec<Secret<Email>>,
    },
    Left {
        #[id]
        user: UserId,
        #[id]
        email: Secret<Email>,
    },
}

/// The users with an e-mail address.
#[derive(Aggregate, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate(on(UserEvent => EmailUse::apply), snapshot(every = 1))]
pub(crate) struct EmailUse {
    #[id]
    pub(crate) email: Email,
    pub(crate) user: Option<UserId>,
    pub(crate) invitations: u32,
}

impl EmailUse {
    fn apply(&mut self, event: &UserEvent) {
        match event {
            UserEvent::SignedUp { user, .. } => self.user = Some(user.clone()),
            UserEvent::Invited { .. } => self.invitations += 1,
            UserEvent::Left { .. } => self.user = None,
        }
    }
}

/// The user with a name.
#[derive(Aggregate, Debug)]
#[aggregate(on(UserEvent => NickUse::apply))]
pub(crate) struct NickUse {
    #[id]
    nick: Nick,
    pub(crate) user: Option<UserId>,
}

impl NickUse {
    fn apply(&mut self, event: &UserEvent) {
        if let UserEvent::SignedUp { user, nick, .. } = event {
            assert!(nick.as_ref().unwrap().known().is_none_or(|nick| *nick == self.nick));
            self.user = Some(user.clone());
        }
    }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = sign_up, error = AlreadyUsed)]
pub(crate) struct SignUp {
    pub(crate) user: UserId,
    #[id(EmailUse)]
    pub(crate) email: Email,
    #[id(NickUse)]
    pub(crate) nick: Option<Nick>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct AlreadyUsed(pub(crate) Email);

impl std::fmt::Display for AlreadyUsed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is taken")
    }
}

fn sign_up(
    (used, nick): (&EmailUse, &Option<Arc<NickUse>>),
    command: &SignUp,
) -> Result<UserEvent, AlreadyUsed> {
    let SignUp { user, email, nick: name } = command.clone();
    if used.user.is_some() || nick.as_ref().is_some_and(|nick| nick.user.is_some()) {
        return Err(AlreadyUsed(email));
    }
    Ok(UserEvent::SignedUp { user, email: email.into(), nick: name.map(Secret::new) })
}

pub(crate) fn signed_up(user: u32, address: &str) -> SignUp {
    SignUp { user: UserId(user), email: email(address), nick: None }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = invite)]
pub(crate) struct Invite {
    pub(crate) by: UserId,
    pub(crate) guests: Vec<Email>,
}

fn invite(command: &Invite) -> UserEvent {
    let Invite { by, guests } = command.clone();
    UserEvent::Invited { by, guests: guests.into_iter().map(Secret::new).collect() }
}

/// The user with an e-mail address.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "profiles", on(UserEvent => Profile::apply))]
pub(crate) struct Profile {
    #[key]
    pub(crate) email: Email,
    pub(crate) events: i64,
}

impl Profile {
    fn apply(&mut self, _: &UserEvent) {
        self.events += 1;
    }
}
