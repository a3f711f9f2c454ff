// Package notify brings notifications on: the Hub to the owner's monitors, the
// Outbox to the servers of other atSigns. Both read from the store and hold next
// to nothing themselves.
//
// It guarantees:
//
//   - A monitor is told of each notification once, in their order: those of the
//     past that it asked for, then those that come. One that is slow reads from the
//     store what the Hub holds no more, and keeps nobody waiting.
//   - What is for one atSign is sent in its order, each after the one before has
//     come to an end. Nobody waits for somebody else who cannot be reached, unless
//     more than a hundred who were reached before fall silent at once.
//   - Nothing is sent that has expired. What was not delivered when the server
//     stopped is sent when it starts again.
//   - Memory and goroutines are bounded, however much waits.
package notify
