"""The part of OpenAI's API that edits images, as a translation of submissions."""
