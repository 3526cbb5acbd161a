"""The reconciler: looks, decides, records, applies, settles; in one direction, for every calendar."""
