"""Programs that run in environments of their own, one file each: the same work by other tools."""
