"""Uploads: `blob` speaks the blob service, `blob_store` keeps blobs, `assets` versions of them."""
