package erp

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/writ-project/writ/receipt"
)

// Schema is the table of used receipts. Rows whose until is past can be deleted.
const Schema = `CREATE TABLE used_receipts (id TEXT PRIMARY KEY, until BIGINT NOT NULL)`

// TxNonces remembers receipts in the transaction that does the write. When that
// is rolled back, the receipt is as good as new; when two transactions use one
// receipt, the primary key lets one of them commit.
type TxNonces struct{ Tx *sql.Tx }

// Use implements receipt.Nonces. The statement is PostgreSQL's and SQLite's: a
// second transaction waits there for the first one to end.
func (n TxNonces) Use(ctx context.Context, id string, until time.Time) error {
	done, err := n.Tx.ExecContext(ctx, `INSERT INTO used_receipts (id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, until.Unix())
	if err != nil {
		return fmt.Errorf("using the receipt: %w", err)
	}
	rows, err := done.RowsAffected()
	if err == nil && rows == 0 {
		return receipt.ErrUsed
	}
	return err
}
