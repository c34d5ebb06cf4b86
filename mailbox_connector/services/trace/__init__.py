"""Why an e-mail is here, or not."""
