"""Container files: opened, named, read and written through libavformat and ffmpeg."""
