"""The parts of a task that workers compute apart, and what they find."""
