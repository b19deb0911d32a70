"""How do devices reach us? What tools that watch systems send, taken apart into facts. Nothing here decides or stores."""
