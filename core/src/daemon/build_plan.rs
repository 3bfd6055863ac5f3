//! Which builds a program keeps up to date, which one questions read, and which one is to take over.

use crate::rows::{Build, Table};

/// What a program does with the builds of a projection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BuildPlan {
    /// The builds of its own version that it keeps up to date.
    pub(super) runs: Vec<Table>,
    /// The build that is to take over when it is complete. It is one of `runs`.
    pub(super) candidate: Option<Table>,
    /// The build that questions read until then.
    pub(super) reads: Option<ServedBuild>,
}

/// A build that questions read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ServedBuild {
    /// One that this program keeps up to date.
    Own(Table),
    /// One of another version, with the same columns, that other programs keep up to date, if any do.
    Other(Table),
}

impl BuildPlan {
    /// For a program of this version.
    pub(super) fn of(own: Table, builds: &[Build]) -> Self {
        let table = |build: &Build| Table { version: build.version, ..own.built(build.build) };
        let is_own = |build: &&Build| build.version == own.version;
        let live = builds.iter().find(|build| build.live);
        let newest = builds.iter().rfind(is_own);
        let Some(newest) = newest else { return Self::default() };
        match live {
            Some(live) if live.version == own.version => {
                let candidate = (newest.build > live.build).then(|| table(newest));
                let runs = std::iter::once(table(live)).chain(candidate).collect();
                Self { runs, candidate, reads: Some(ServedBuild::Own(table(live))) }
            }
            // A newer version has taken over: this program goes on with what it has.
            Some(live) if live.version > own.version => Self {
                runs: vec![table(newest)],
                candidate: None,
                reads: Some(ServedBuild::Own(table(newest))),
            },
            live => {
                let same = live.filter(|live| live.shape == own.shape() && !own.is_checkpoint_only());
                let reads = same.map(|live| ServedBuild::Other(table(live)));
                Self { runs: vec![table(newest)], candidate: Some(table(newest)), reads }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rows::{Checkpoint, Column, ColumnType, Role},
        store::LogId,
        time::Timestamp,
    };

    const KEY: Column = Column { name: "id", kind: ColumnType::Int, nullable: false, role: Role::Key };
    const ROWS: Table = Table { projection: "rows", version: 2, build: 0, columns: &[KEY] };

    fn build(version: u32, build: u32, live: bool) -> Build {
        let (shape, log) = (ROWS.shape(), LogId::from_uuid(uuid::Uuid::nil()));
        let (checkpoint, updated_at) = (Checkpoint::default(), Timestamp::from_micros(0));
        Build { version, build, shape, log, live, inline: false, checkpoint, updated_at }
    }

    #[test]
    fn a_first_build_is_read_when_it_is_complete() {
        let plan = BuildPlan::of(ROWS, &[build(2, 0, false)]);
        assert_eq!(plan, BuildPlan { runs: vec![ROWS], candidate: Some(ROWS), reads: None });
    }

    #[test]
    fn a_live_build_is_kept_and_read() {
        let plan = BuildPlan::of(ROWS, &[build(1, 0, false), build(2, 0, true)]);
        assert_eq!(
            plan,
            BuildPlan { runs: vec![ROWS], candidate: None, reads: Some(ServedBuild::Own(ROWS)) }
        );
    }

    #[test]
    fn a_new_version_reads_the_old_one_if_it_has_the_same_columns() {
        let old = ServedBuild::Other(Table { version: 1, ..ROWS });
        let builds = [build(1, 0, true), build(2, 0, false)];
        let plan = BuildPlan::of(ROWS, &builds);
        assert_eq!(plan, BuildPlan { runs: vec![ROWS], candidate: Some(ROWS), reads: Some(old) });
        let other = Build { shape: "other".to_owned(), ..build(1, 0, true) };
        assert_eq!(BuildPlan::of(ROWS, &[other, build(2, 0, false)]).reads, None);
    }

    #[test]
    fn a_rebuild_runs_beside_the_live_build() {
        let plan = BuildPlan::of(ROWS, &[build(2, 0, false), build(2, 1, true), build(2, 2, false)]);
        let (live, new) = (ROWS.built(1), ROWS.built(2));
        let reads = Some(ServedBuild::Own(live));
        assert_eq!(plan, BuildPlan { runs: vec![live, new], candidate: Some(new), reads });
    }

    #[test]
    fn an_old_program_goes_on_with_its_own() {
        let plan = BuildPlan::of(ROWS, &[build(2, 0, false), build(3, 0, true)]);
        assert_eq!(
            plan,
            BuildPlan { runs: vec![ROWS], candidate: None, reads: Some(ServedBuild::Own(ROWS)) }
        );
    }
}
