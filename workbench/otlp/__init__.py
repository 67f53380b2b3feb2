"""OTLP: spans as the OpenTelemetry protocol writes them: out, in, and over the wire."""
