"""What every other package stands on: settings, database, bus, jobs, clock, security, audit, telemetry."""
