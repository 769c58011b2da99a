"""What an attacker puts into texts, links and requests, against every page that a person sees."""
