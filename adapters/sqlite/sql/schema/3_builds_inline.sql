-- Every append asks for these; as a rule there are none.
CREATE INDEX {prefix}builds_inline ON {prefix}builds (projection, version, build) WHERE types IS NOT NULL
