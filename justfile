# The recipes call scripts; the scripts run without just.

# Everything that must hold before a change lands, or only the steps named: format lints deny docs tests scim2-tester demo.
test *steps:
    scripts/test {{steps}}

# Unit and hermetic tests alone: nothing needs to be installed.
quick:
    cargo test --locked

# The live tests alone, or those whose names hold FILTER.
live *filter:
    scripts/with-services cargo test --locked --features failpoints --test live -- {{filter}}

# Licences, bans and sources of the dependencies.
deny:
    scripts/deny

# A strict SCIM 2.0 application that is not ours, at http://127.0.0.1:18080/v2.
scim2-server port="18080":
    scripts/scim2-server {{port}}

# The proofs that are run by hand; docs/testing.md says what each shows.
proof-release *binary:
    scripts/proof-release {{binary}}

proof-compose *options:
    scripts/proof-compose {{options}}

proof-planted *bugs:
    scripts/proof-planted {{bugs}}

proof-delays *filter:
    scripts/proof-delays {{filter}}

proof-mutants shard="0/1":
    scripts/proof-mutants {{shard}}

# What intake and workers do in a second, beside bare loops; the figures go to docs/benchmarks.md.
bench:
    scripts/bench
