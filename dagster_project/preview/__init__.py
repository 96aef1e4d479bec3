"""What would change if the edited rules went live: the working tree against the published night."""
