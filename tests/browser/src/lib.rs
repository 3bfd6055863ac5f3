//! Tests of the inspector in a headless browser: see `tests/pages`.
