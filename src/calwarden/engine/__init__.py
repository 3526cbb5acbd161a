"""The reconciler: looks, decides, records, applies, settles; in one direction, always."""
