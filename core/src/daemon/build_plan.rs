//! Which builds this program runs, which one queries read, and which one is to be promoted.

use crate::rows::{Build, Table};

/// What this program does with the builds of a projection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BuildPlan {
    /// The builds of its own version that it keeps up to date, inline builds included.
    pub(super) runs: Vec<Table>,
    /// The build to promote once it is complete, one of `runs`.
    pub(super) candidate: Option<Table>,
    /// The build that queries read until then.
    pub(super) served: Option<ServedBuild>,
}

/// The build that queries read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServedBuild {
    /// A build of this program's version, which it keeps up to date.
    Own(Table),
    /// A build of another version with the same columns, which other programs keep up to date, if any run.
    Other(Table),
}

impl BuildPlan {
    /// The plan of a program whose version is that of `own`.
    pub(super) fn new(own: Table, builds: &[Build]) -> Self {
        let table = |build: &Build| Table { version: build.version, ..own.built(build.build) };
        let is_own = |build: &&Build| build.version == own.version;
        let live = builds.iter().find(|build| build.live);
        let newest = builds.iter().rfind(is_own);
        let Some(newest) = newest else { return Self::default() };
        match live {
            Some(live) if live.version == own.version => {
                let candidate = (newest.build > live.build).then(|| table(newest));
                let runs = std::iter::once(table(live)).chain(candidate).collect();
                Self { runs, candidate, served: Some(ServedBuild::Own(table(live))) }
            }
            // A newer version is live: this program continues with its own newest build.
            Some(live) if live.version > own.version => Self {
                runs: vec![table(newest)],
                candidate: None,
                served: Some(ServedBuild::Own(table(newest))),
            },
            live => {
                let same = live.filter(|live| live.shape == own.shape() && !own.is_checkpoint_only());
                let served = same.map(|live| ServedBuild::Other(table(live)));
                Self { runs: vec![table(newest)], candidate: Some(table(newest)), served }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rows::{Checkpoint, Column, ColumnType, FollowerRequests, Role},
        store::LogId,
        time::Timestamp,
    };

    const KEY: Column = Column { name: "id", kind: ColumnType::Int, nullable: false, role: Role::Key };
    const ROWS: Table = Table { projection: "rows", version: 2, build: 0, columns: &[KEY] };

    fn build(version: u32, build: u32, live: bool) -> Build {
        let (shape, log) = (ROWS.shape(), LogId::from_uuid(uuid::Uuid::nil()));
        let (checkpoint, updated_at) = (Checkpoint::default(), Timestamp::from_micros(0));
        let events = String::new();
        let (inline, claim, requests) = (false, None, FollowerRequests::default());
        Build { version, build, shape, events, log, live, inline, checkpoint, updated_at, claim, requests }
    }

    #[test]
    fn first_build_is_not_served_before_it_is_complete() {
        let plan = BuildPlan::new(ROWS, &[build(2, 0, false)]);
        assert_eq!(plan, BuildPlan { runs: vec![ROWS], candidate: Some(ROWS), served: None });
    }

    #[test]
    fn live_build_is_run_and_served() {
        let plan = BuildPlan::new(ROWS, &[build(1, 0, false), build(2, 0, true)]);
        assert_eq!(
            plan,
            BuildPlan { runs: vec![ROWS], candidate: None, served: Some(ServedBuild::Own(ROWS)) }
        );
    }

    #[test]
    fn new_version_serves_the_old_one_only_with_the_same_columns() {
        let old = ServedBuild::Other(Table { version: 1, ..ROWS });
        let builds = [build(1, 0, true), build(2, 0, false)];
        let plan = BuildPlan::new(ROWS, &builds);
        assert_eq!(plan, BuildPlan { runs: vec![ROWS], candidate: Some(ROWS), served: Some(old) });
        let other = Build { shape: "other".to_owned(), ..build(1, 0, true) };
        assert_eq!(BuildPlan::new(ROWS, &[other, build(2, 0, false)]).served, None);
    }

    #[test]
    fn rebuild_runs_beside_the_live_build() {
        let plan = BuildPlan::new(ROWS, &[build(2, 0, false), build(2, 1, true), build(2, 2, false)]);
        let (live, new) = (ROWS.built(1), ROWS.built(2));
        let served = Some(ServedBuild::Own(live));
        assert_eq!(plan, BuildPlan { runs: vec![live, new], candidate: Some(new), served });
    }

    #[test]
    fn program_of_an_older_version_serves_its_own_build() {
        let plan = BuildPlan::new(ROWS, &[build(2, 0, false), build(3, 0, true)]);
        assert_eq!(
            plan,
            BuildPlan { runs: vec![ROWS], candidate: None, served: Some(ServedBuild::Own(ROWS)) }
        );
    }
}
