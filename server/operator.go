package server

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"atserver/enroll"
	"atserver/store"
)

// OperatorSocket is the file in the data folder by which an operator on this
// machine speaks to a running server: HTTP with JSON. Who may open it may list,
// show, deny, revoke, unrevoke, delete and audit; nobody reads a value by it but in
// a backup, which whoever may read the data folder could make without it, too.
const OperatorSocket = "operator.sock"

// Status is where an enrollment stands.
type Status = enroll.Status

const (
	Pending  = enroll.Pending
	Approved = enroll.Approved
	Denied   = enroll.Denied
	Revoked  = enroll.Revoked
	Expired  = enroll.Expired
)

// Listed is an enrollment as operators see it: what there is to judge by, and no
// key material.
type Listed struct {
	ID            string        `json:"id"`
	App           string        `json:"app"`
	Device        string        `json:"device"`
	Namespaces    enroll.Grants `json:"namespaces"`
	Status        Status        `json:"status"`
	Origin        string        `json:"origin"`
	RequestedAt   time.Time     `json:"requestedAt"`
	RequestedFrom string        `json:"requestedFrom"`
	DecidedAt     time.Time     `json:"decidedAt,omitzero"`
	DecidedBy     string        `json:"decidedBy,omitempty"`
	Parent        string        `json:"parent,omitempty"`
	SuccessorOf   string        `json:"successorOf,omitempty"`
	RevokedAt     time.Time     `json:"revokedAt,omitzero"`
	RevokedBy     string        `json:"revokedBy,omitempty"`
	ExpiresAt     time.Time     `json:"expiresAt,omitzero"`
	LastSeen      time.Time     `json:"lastSeen,omitzero"`
	LastFrom      string        `json:"lastFrom,omitempty"`
	Connections   int           `json:"connections"`
}

// Decided is what came of an operator's act.
type Decided struct {
	ID     string   `json:"id"`
	Act    string   `json:"act"`
	Fallen []string `json:"fallen,omitempty"` // enrollments that fell with it
	Closed int      `json:"closed"`           // connections that ended
}

// Audited is a page of the audit trail.
type Audited struct {
	Entries []store.AuditEntry `json:"entries"`
}

// Verified is what a walk of the audit chain found.
type Verified struct {
	Entries int64  `json:"entries"`
	Fault   string `json:"fault,omitempty"` // "" when the chain holds
}

// Failure is what the operator's door answers instead, with a status above 399.
type Failure struct {
	Error string `json:"error"`
}

// maxAuditPage is how many entries one answer holds at most.
const maxAuditPage = 1000

var operator = enroll.Principal{Kind: enroll.Operator}

// operatorFrom is the address that the audit trail gives for operators.
const operatorFrom = "local socket"

// listenOperator opens the socket.
func listenOperator(dir string) (net.Listener, error) {
	return listenSocket(filepath.Join(dir, OperatorSocket))
}

// listenSocket opens a socket, readable and writable by its owner only, in place of
// what was there.
func listenSocket(name string) (net.Listener, error) {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", name)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(name, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// serveOperator answers operators until ctx ends.
func (s *Server) serveOperator(ctx context.Context, l net.Listener) {
	s.serveHTTP(ctx, l, "Operator", s.operatorDoor())
}

// serveHTTP lets a door answer until ctx ends.
func (s *Server) serveHTTP(ctx context.Context, l net.Listener, name string, by http.Handler) {
	door := &http.Server{
		Handler: by, ReadHeaderTimeout: handshakeTimeout, IdleTimeout: time.Minute,
		WriteTimeout: writeTimeout, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { door.Close() })
	defer stop()
	if err := door.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.options.Log.Error().Str(fieldDoor, name).Err(err).Msg("Socket for this machine failed")
	}
}

func (s *Server) operatorDoor() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /enrollments", s.operatorList)
	mux.HandleFunc("GET /enrollments/{id}", s.operatorShow)
	mux.HandleFunc("POST /enrollments/{id}/{act}", s.operatorDecide)
	mux.HandleFunc("DELETE /enrollments/{id}", s.operatorDecide)
	mux.HandleFunc("GET /audit", s.operatorAudit)
	mux.HandleFunc("GET /audit/verify", s.operatorVerify)
	mux.HandleFunc("POST /backup", s.operatorBackup)
	return mux
}

func (s *Server) operatorList(w http.ResponseWriter, r *http.Request) {
	seen, err := s.env.Registry.AllSeen()
	if err != nil {
		fail(w, err)
		return
	}
	status, connections := enroll.Status(r.FormValue("status")), s.gate.count()
	list := []Listed{}
	for _, e := range s.env.Registry.Sorted() {
		if listed := s.listed(e, seen[e.ID], connections); status == "" || listed.Status == status {
			list = append(list, listed)
		}
	}
	answer(w, http.StatusOK, list)
}

func (s *Server) operatorShow(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	e, _ := s.env.Registry.Get(id)
	if e == nil {
		fail(w, &enroll.StateError{Enrollment: id, Status: enroll.Expired})
		return
	}
	seen, err := s.env.Registry.LastSeen(id)
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, s.listed(e, seen, s.gate.count()))
}

func (s *Server) listed(e *enroll.Enrollment, seen enroll.Seen, connections map[string]int) Listed {
	return Listed{
		ID: e.ID, App: e.App, Device: e.Device, Namespaces: e.Grants, Status: e.StatusAt(s.env.Registry.Time()), Origin: e.Origin,
		RequestedAt: e.RequestedAt, RequestedFrom: e.RequestedFrom, DecidedAt: e.DecidedAt, DecidedBy: e.DecidedBy,
		Parent: e.Parent, SuccessorOf: e.SuccessorOf, RevokedAt: e.RevokedAt, RevokedBy: e.RevokedBy,
		ExpiresAt: e.ExpiresAt, LastSeen: seen.At, LastFrom: seen.From, Connections: connections[e.ID],
	}
}

// operatorDecide denies, revokes, unrevokes or deletes. To let somebody in takes
// the owner's keys, which an operator does not have.
func (s *Server) operatorDecide(w http.ResponseWriter, r *http.Request) {
	id, act := r.PathValue("id"), r.PathValue("act")
	if r.Method == http.MethodDelete {
		act = string(enroll.Delete)
	}
	done := Decided{ID: id, Act: act, Closed: s.gate.count()[id]}
	var err error
	switch enroll.Op(act) {
	case enroll.Deny:
		err = s.env.Registry.Deny(operator, id, operatorFrom)
	case enroll.Revoke:
		before := s.gate.count()
		if done.Fallen, err = s.env.Registry.Revoke(operator, id, false, operatorFrom); err == nil {
			for _, fallen := range done.Fallen {
				done.Closed += before[fallen]
			}
		}
	case enroll.Unrevoke:
		err = s.env.Registry.Unrevoke(operator, id, operatorFrom)
	case enroll.Delete:
		err = s.env.Registry.Delete(operator, id, operatorFrom)
	default:
		answer(w, http.StatusNotFound, Failure{"an operator can deny, revoke, unrevoke and delete; not " + act})
		return
	}
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, done)
}

func (s *Server) operatorAudit(w http.ResponseWriter, r *http.Request) {
	after, limit := int64(-1), maxAuditPage
	var err error
	if text := r.FormValue("after"); text != "" {
		after, err = strconv.ParseInt(text, 10, 64)
	}
	if text := r.FormValue("limit"); text != "" && err == nil {
		limit, err = strconv.Atoi(text)
	}
	if err != nil || limit < 1 {
		answer(w, http.StatusBadRequest, Failure{"after and limit are numbers"})
		return
	}
	page := Audited{Entries: []store.AuditEntry{}}
	err = s.db.View(func(tx *store.Tx) error {
		for entry, err := range tx.AuditLog(after) {
			if err != nil {
				return err
			}
			if page.Entries = append(page.Entries, entry); len(page.Entries) >= min(limit, maxAuditPage) {
				break
			}
		}
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, http.StatusOK, page)
}

func (s *Server) operatorVerify(w http.ResponseWriter, _ *http.Request) {
	entries, err := s.db.VerifyAudit()
	found := Verified{Entries: entries}
	if err != nil {
		found.Fault = err.Error()
	}
	answer(w, http.StatusOK, found)
}

// fail answers an error: in its own words where it has some for operators.
func fail(w http.ResponseWriter, err error) {
	var state *enroll.StateError
	var transition *enroll.TransitionError
	var decision *enroll.DecisionError
	switch {
	case errors.As(err, &state):
		answer(w, http.StatusNotFound, Failure{"there is no enrollment " + state.Enrollment})
	case errors.As(err, &transition), errors.As(err, &decision):
		answer(w, http.StatusConflict, Failure{err.Error()})
	default:
		answer(w, http.StatusInternalServerError, Failure{err.Error()})
	}
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // fails only when nobody listens any more
}
