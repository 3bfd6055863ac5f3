-- Read by every append; usually empty.
CREATE INDEX {prefix}builds_inline ON {prefix}builds (projection, version, build) WHERE inline_types IS NOT NULL
