"""The other companies, speaking their own protocols over real sockets: what tests and the demo talk to."""
