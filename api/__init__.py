"""How the world asks: the GraphQL and HTTP edge. Never touches a table or a worker."""
