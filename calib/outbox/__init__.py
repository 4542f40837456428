"""The outbox: alerts are committed with what they report, and delivered afterwards."""
