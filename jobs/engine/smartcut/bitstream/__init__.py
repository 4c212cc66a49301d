"""The bits of H.264 and HEVC: read, and written."""
