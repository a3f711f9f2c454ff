// Package backup copies the data folder of a server and puts it back.
//
// It guarantees:
//
//   - A copy is one state of the store, with the secrets that go with it. The
//     server it is taken of may run and be written to.
//   - An increment holds what changed since the copy before it, removals too, and
//     names that copy by its checksum: it follows no other.
//   - What is damaged, cut off, foreign or out of order is refused with an error
//     that names the file and the place, before anything is put in its place.
//   - A folder is restored whole or stays as it was: empty. One in which a restore
//     was killed is served by nobody.
//   - Memory is bounded, whatever is copied.
//
// # Format
//
// A copy is a file. Its first line is JSON, the Header, in the clear. Parts of 64
// KiB at most follow: length and CRC-32C, four bytes each, big-endian, and so many
// bytes. After a part of length 0 comes the checksum of the copy: the SHA-256 of
// everything before it. The checksums tell damage, not malice.
//
// The parts hold a stream of entries, encrypted by age (https://age-encryption.org)
// if recipients were named. An entry is a letter and fields, each after its length
// as a varint:
//
//	f name mode content   file of the data folder, mode in octal; before all rows
//	r flags key value     row of the store that is to be there
//	x key                 row that is not to be there
//	e                     the end
package backup
