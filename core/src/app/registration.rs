//! Registers events and commands, for the checks at start.

use super::builder::Builder;
use crate::{aggregate::Aggregate, command::Command, dispatch::CommandTypes, event::Event};

impl Builder {
    /// Registers an event type, so that [`start`](Builder::start) checks that no other Rust type owns its stored names and id kinds.
    /// Other event types are checked when a command first uses them.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(name = "account.opened")] // the name of a variant of `AccountEvent`
    /// struct Opened {
    ///     #[id]
    ///     account: AccountId,
    /// }
    ///
    /// let builder = App::builder(Memory::new()).events::<AccountEvent>().events::<Opened>();
    /// let error = builder.start().await.unwrap_err();
    /// assert!(error.to_string().contains("the event name `account.opened` is used by both"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn events<E: Event>(mut self) -> Self {
        self.registered = self.registered.and_then(|()| self.registry.register(const { &E::TYPES }));
        self.declared.events.push(const { &E::TYPES });
        self
    }

    /// Registers a command, or all commands of an enum, with the event types that their decisions read and write. Then
    /// [`start`](Builder::start) checks their stored names, and that the program reads every stored event of its aggregates.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// #[derive(Command, Serialize, Deserialize)]
    /// #[command(error = AccountError)]
    /// enum BankCommand {
    ///     Open(Open),
    ///     Deposit(Deposit),
    /// }
    ///
    /// let app = App::builder(Memory::new()).commands::<BankCommand>().start().await?;
    /// assert!(app.execute(open("ann", "Ann")).await.is_ok());
    /// # Ok(())
    /// # });
    /// ```
    pub fn commands<C: Command>(mut self) -> Self {
        let mut types = CommandTypes::default();
        C::declare(&mut types);
        self.registered = self.registered.and_then(|()| self.registry.register_commands(&types));
        self.declared.commands.append(types);
        self
    }

    /// Registers an aggregate that no registered command reads, for example one that is only loaded: its events are read by the
    /// program, and it is a part of the [`Model`](crate::model::Model).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// let model = Model::of(|builder| builder.aggregate::<Account>())?;
    /// assert_eq!(model.aggregates[0].name, "Account");
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn aggregate<A: Aggregate>(mut self) -> Self {
        self.register_read(A::EVENTS);
        self.declared.add_aggregate::<A>();
        self
    }

    /// Allows stored events that the program does not read: of other programs on the same log, events that are not read any more, and
    /// events of later versions, when a deploy is rolled back. What the check of [`start`](Builder::start) finds about them is a warning
    /// instead of an error. An entry is a stored name, or the beginning of one followed by `*`.
    ///
    /// An event of a later version is still not skipped: a command that reads it is refused, and a projection or policy stops before it or
    /// parks it, as it does with an event that fails. A program that reads the version continues there, and retries what was parked.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(name = "account.audited")] // written by another program
    /// struct Audited {
    ///     #[id]
    ///     account: AccountId,
    /// }
    ///
    /// let log = Memory::new();
    /// # let auditor = App::builder(log.clone()).start().await?;
    /// auditor.execute(Audit { account: id("ann") }).await?;
    /// # #[derive(Command, Serialize, Deserialize)]
    /// # #[command(decide = audit)]
    /// # struct Audit { #[id(Account)] account: AccountId }
    /// # fn audit(_: &Account, command: &Audit) -> Audited { Audited { account: command.account.clone() } }
    ///
    /// let error = App::builder(log.clone()).events::<AccountEvent>().start().await.unwrap_err();
    /// assert!(error.to_string().contains("`account.audited` version 1 (events: 1, positions 1 to 1) is not read"));
    ///
    /// let builder = App::builder(log).events::<AccountEvent>().unchecked_events(["account.audited"]);
    /// assert!(builder.start().await.is_ok());
    /// # Ok(())
    /// # });
    /// ```
    pub fn unchecked_events<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Self {
        self.unchecked_events.extend(names.into_iter().map(Into::into));
        self
    }

    /// Declares that this program no longer has a projection that was inline. A log with an inline projection refuses the appends
    /// of programs that do not know it; this program knows it, and makes its rows asynchronous, at the start and whenever an
    /// older program has made them inline again. Its table stays.
    ///
    /// Once every program that appends was started with this, or with the projection in the background, nothing is inline any
    /// more, and the declaration can be removed too.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, projection::ProjectionOptions};
    ///
    /// let store = Memory::new();
    /// let inline = ProjectionOptions::new().inline();
    /// let old = App::builder(store.clone()).projection_with::<Balance>(inline).start().await?;
    /// old.execute(open("ann", "Ann")).await?;
    /// old.shut_down().await;
    ///
    /// let app = App::builder(store.clone()).start().await?;
    /// assert!(app.execute(open("bob", "Bob")).await.is_err()); // would not be in the rows
    ///
    /// let app = App::builder(store).removed_projection("balances").start().await?;
    /// app.execute(open("bob", "Bob")).await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn removed_projection(mut self, name: &'static str) -> Self {
        self.removed.push(name);
        self
    }
}
