"""Floor 1: what the data is. Row schemas, shards, the store, codecs, splits, licences, exports."""
