// Package console is how the commands talk to people and to programs: tables that
// fit the terminal, JSON, questions. What others named never plays tricks with the
// terminal, and nothing is coloured that is not shown on one.
package console
