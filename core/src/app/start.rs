//! Starts an app, with its projections and policies or without them.

use std::sync::Arc;

use super::{
    builder::Builder,
    facade::{App, Inner},
    housekeeping::spawn_housekeeping,
    stored_events::check_stored_events,
};
use crate::{
    codec::Codec,
    daemon::ProjectionDaemon,
    error::Error,
    execute::{Executor, InlineFolds},
    feed::{LogWatcher, SuccessorCheck},
    limits::refuse,
    rows::{Build, Table},
    store::EventStore,
    telemetry::describe_metrics,
};

impl Builder {
    /// Starts the app with its projections and policies.
    ///
    /// Before anything runs, the stored names and versions, and the ids of the first and the last event of every name, are compared with
    /// the event types that are registered: by projections and policies, [`commands`](Builder::commands) and
    /// [`events`](Builder::events). If a type, a variant or an id type was renamed in Rust without keeping its stored name, its old
    /// events would not be read any more, without an error. Events of later versions were written by a newer program, which was deployed
    /// before. The app is not started then, unless [`unchecked_events`](Builder::unchecked_events) allows it. This costs a few searches
    /// of an index for each name and version, however many events there are.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).projection::<Balance>().start().await?;
    /// assert_eq!(app.statuses().len(), 1);
    ///
    /// let twice = App::builder(Memory::new()).projection::<Balance>().projection::<Balance>();
    /// assert!(twice.start().await.is_err());
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Error::Invalid`] if two types own the same stored name or id kind, or a removed projection is registered;
    /// [`Error::UnreadEvents`] if the log has events of later versions than the registered types, or events that no registered type
    /// reads, although they have a prefix or ids of the program; [`Error::Unusable`] if the stored rows of a projection have other
    /// columns than its type, or belong to another log; another [`Error`] if the store cannot answer.
    pub async fn start(self) -> Result<App, Error> {
        let purges = self.settings.command_id_retention.is_some();
        let app = self.assemble(ProjectionDaemon::default()).await?;
        #[cfg(feature = "secrets")]
        app.inner.watch_erasures().await?;
        if purges {
            app.inner.purge_command_ids().await?;
            spawn_housekeeping(&app.inner);
        }
        tracing::info!(
            log = app.store().describe(),
            followers = app.daemon().controls().count(),
            "the app has started"
        );
        Ok(app)
    }

    /// Starts an app for a tool: it runs no projection and no policy, writes nothing by itself, and starts on a log with events that the
    /// program does not read, too.
    ///
    /// It shows what the other processes have stored ([`App::overview`], [`App::parked`]) and takes the requests that are stored for
    /// them ([`App::rebuild`], [`App::pause`], [`App::resume`], [`App::request_retry`]), as long as one of them runs the projection.
    /// [`App::retry_parked`] handles the events in this process. The status of each projection and policy is
    /// [`Stopped`](crate::projection::State::Stopped) and says why, and queries return
    /// [`Error::NotCaughtUp`].
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let log = Memory::new();
    /// let app = App::builder(log.clone()).projection::<Balance>().start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// app.wait_until_caught_up().await?;
    ///
    /// let tool = App::builder(log).projection::<Balance>().observe().await?;
    /// assert!(tool.overview().await?[0].builds[0].live);
    /// tool.rebuild("balances").await?; // `app` builds the rows
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`start`](Builder::start), except for [`Error::UnreadEvents`].
    pub async fn observe(self) -> Result<App, Error> {
        self.assemble(ProjectionDaemon::observing()).await
    }

    async fn assemble(self, mut daemon: ProjectionDaemon) -> Result<App, Error> {
        let Self {
            store,
            clock,
            registry,
            registered,
            declared,
            unchecked_events,
            projections,
            policies,
            rows,
            removed,
            mut settings,
            keys,
        } = self;
        registered?;
        describe_metrics();
        let store = store.ok_or_else(|| {
            Error::unusable("start an app", "the builder describes a domain for `Model::of` and has no store")
        })?;
        let (store, keys) = keys.seal(store, &mut settings)?;
        if !daemon.observes() {
            check_stored_events(&*store, &registry.registrations(), &unchecked_events).await?;
            make_async(&removed, &*store).await?;
        }
        let codec = Codec::default();
        let successors = SuccessorCheck::new(Arc::clone(&store), Arc::clone(registry.successors()));
        let watcher =
            LogWatcher::with_options(store, successors, settings.max_read_bytes, Arc::clone(&clock));
        let list = watcher.successors().list_after(0).await?;
        if !daemon.observes() {
            list.rewrites().iter().try_for_each(|rewrite| registry.check_secrets(rewrite))?;
        }
        registry.warn_of_unread_successors(&watcher.store().describe(), &list);
        let seal = |table: &Table, rows| keys.seal_rows(table, rows);
        daemon.start(projections, &watcher, (rows.as_ref(), &seal), &codec).await?;
        if let Some(name) = removed.iter().find(|name| daemon.follow(name).is_ok()) {
            let reason = "it is registered and removed; remove one of the two";
            return Err(refuse("projection", name, reason).into());
        }
        let inline = InlineFolds::new(daemon.has_inline(), daemon.controls_with_status().collect(), removed);
        let executor = Executor::new(Arc::clone(&watcher), clock, codec.clone(), registry, inline, settings);
        let executor = Arc::new(executor);
        let policies = policies.into_iter().map(|make| make(&executor)).collect();
        daemon.start(policies, &watcher, (rows.as_ref(), &seal), &codec).await?;
        let aggregates = declared.named_aggregates();
        Ok(App::new(Inner { executor, daemon, aggregates, declared, unchecked_events, keys }))
    }
}

/// Makes the inline builds of projections asynchronous.
async fn make_async(projections: &[&'static str], store: &dyn EventStore) -> Result<(), Error> {
    let Some(rows) = store.row_store() else { return Ok(()) };
    for projection in projections {
        for Build { version, build, .. } in
            rows.builds(projection).await?.into_iter().filter(|build| build.inline)
        {
            rows.make_async(&Table { projection, version, build, columns: &[] }).await?;
        }
    }
    Ok(())
}
