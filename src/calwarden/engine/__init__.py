"""The reconciler: looks, decides, records, applies, settles; one way, for every calendar."""
