"""What the last build found not proven: asked for again, or replaced, and what came of it."""
