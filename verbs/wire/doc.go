// Package wire holds the bytes of the line protocol, in both directions, and knows nothing of what they mean.
//
// For a server it cuts a byte stream into commands (Framer) and renders prompts, replies and the three shapes of
// errors. For a client it dials, asks and reads replies back (Conn, ParseReply), and asks a directory for an address
// (LookupDirectory).
//
// What it guarantees:
//   - a command holds neither LF, CR nor NUL, is valid UTF-8 and at most MaxLine bytes long;
//   - memory for unfinished commands is bounded by one Budget for all connections, and none is kept between commands;
//   - whatever the text of a reply or error, it is one line, so that no reply can be taken for two;
//   - a client never takes the reply to one command for the reply to another: after any fault its connection is dead.
package wire
