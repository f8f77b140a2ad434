# The recipes call scripts; the scripts run without just.

# Everything that must hold before a change lands.
test:
    scripts/test

# Licences, bans and sources of the dependencies.
deny:
    scripts/deny
