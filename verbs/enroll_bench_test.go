package verbs

import (
	"fmt"
	"testing"

	"atserver/enroll"
)

// BenchmarkManyEnrollments shows what ten thousand enrollments cost those who
// manage them, and those who log in.
func BenchmarkManyEnrollments(b *testing.B) {
	app := newSigner()
	enrollments := []*enroll.Enrollment{rootApp, {
		ID: "app", App: "wavi", Device: "desk", Grants: enroll.Grants{"wavi": enroll.ReadWrite}, Stored: enroll.Approved,
		Key: app.public, Algorithm: enroll.P256,
	}}
	for i := range 10_000 {
		e := &enroll.Enrollment{
			ID: fmt.Sprintf("id%d", i), App: fmt.Sprintf("app%d", i%50), Device: fmt.Sprintf("device%d", i), Stored: enroll.Approved,
			Grants: enroll.Grants{fmt.Sprintf("ns%d", i%1000): enroll.ReadWrite}, RequestedAt: epoch, Fingerprint: fmt.Sprint(i),
		}
		if i%1000 == 0 {
			e.Stored = enroll.Pending
		}
		enrollments = append(enrollments, e)
	}
	w := newWorld(b, enrollments...)
	owner := w.app("root")
	for name, line := range map[string]string{
		"list pending": `enroll:list:{"enrollmentStatusFilter":["pending"]}`, "list all": "enroll:list",
		"fetch": `enroll:fetch:{"enrollmentId":"id77"}`, "listns": "enroll:listns:ns77",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				owner.exec(line)
			}
		})
	}
	b.Run("login", func(b *testing.B) {
		for b.Loop() {
			a := w.stranger()
			if sent, _ := a.exec("pkam:enrollmentId:app:" + app.sign(a.challenge())); sent != "data:success\n@alice@" {
				b.Fatal(sent)
			}
		}
	})
}
