-- Programs of version 2 know one checkpoint a version, and must not move those of several builds.
ALTER TABLE {schema}.projections RENAME TO builds
