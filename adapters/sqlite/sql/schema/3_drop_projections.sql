DROP TABLE {prefix}projections
