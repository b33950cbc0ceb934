"""Tests of several parts together: real Spark, real ranks, a real scoring server."""
