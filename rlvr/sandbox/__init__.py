"""Sandbox: runs untrusted programs."""
