// Package directory is a small atDirectory: it tells over TLS at which host and port each atSign's server listens. It
// is meant for a network of one's own, for demonstrations and for tests.
//
// A client is greeted with "@", sends names, with or without "@" and in any case, one a line, and gets "host:port" or
// "null" for each, ended by CR LF and "@" in the same TLS record. "@exit", with LF or without, closes the connection, and
// so does a request of more than 255 bytes. The second unknown name on a connection is answered after 3 s, the third
// closes it as late; a blank line gets "null" at once and counts for nothing.
//
// The entries come from the caller, who may change them at any time, and from a text file, of which the form is
//
//	# comment
//	@alice=alice.example.org:6464
//	@bob   127.0.0.1:6465
//
// The file is read again when it changes; as long as the new one has a fault the entries of the old one stay.
//
// What it guarantees: the number of connections, in all and from one address, the length of a request and the time that a
// silent client may take are bounded; whoever is made to wait makes nobody else wait; and a fault in serving one
// connection ends that connection only.
package directory
