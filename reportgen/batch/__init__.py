"""Many documents: measured once each, by one process, several, or a cluster, into a folder with a manifest."""

from reportgen.batch.manifest import Entry, Manifest, read_manifest
from reportgen.batch.running import How, Told, run_batch
from reportgen.batch.sharding import Shard, parse_shard
from reportgen.batch.store import key_of, measured_once

__all__ = ["Entry", "How", "Manifest", "Shard", "Told", "key_of", "measured_once", "parse_shard", "read_manifest", "run_batch"]
