package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"atserver/store"
	"atserver/store/atkey"
)

// BenchmarkDurable measures updates that put a record of 100 bytes, its commit
// entry included, at 1, 10 and 50 writers, and how many times one writer's rate
// that is. Only the ratio tells something about other machines.
func BenchmarkDurable(b *testing.B) {
	rates := map[int]float64{}
	for _, writers := range []int{1, 10, 50} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			db, err := store.Open(store.Options{Dir: b.TempDir(), Sign: "@alice"})
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			value := make([]byte, 100)
			var next atomic.Int64
			start := time.Now()
			b.ResetTimer()
			var wg sync.WaitGroup
			for range writers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						k := atkey.Key{Name: fmt.Sprintf("key%d.bench", i%5000), Owner: "@alice"}
						err := db.Update(func(tx *store.Tx) error {
							_, err := tx.Put(store.Record{Key: k, Value: value}, store.OpUpdateAll, "bench")
							return err
						})
						if err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			rates[writers] = float64(b.N) / time.Since(start).Seconds()
			b.ReportMetric(rates[writers], "updates/s")
			if one := rates[1]; writers > 1 && one > 0 {
				b.ReportMetric(rates[writers]/one, "times-one-writer")
			}
		})
	}
}
