package store

import "strings"

// Table is a table of the store as a backup holds it.
type Table struct {
	Name    string
	columns []string
	bytes   []string // of the columns, those that hold bytes; the others hold text or whole numbers
	read    string   // every row, by key
	write   string   // one row
}

// Tables lists what a backup holds. What is left out lives no longer than the
// processes that wrote it: which replicas there are, and the schema's version,
// which a backup states by itself.
var Tables = []Table{
	{"head", words(`one revision`), words(``),
		`SELECT one, revision FROM head ORDER BY one`,
		`INSERT INTO head (one, revision) VALUES ($1, $2)`},
	{"resources", words(`kind name spec digest op revision record_shard record_index updated_at subject parent state due`), words(`digest`),
		`SELECT kind, name, spec, digest, op, revision, record_shard, record_index, updated_at, subject, parent, state, due FROM resources ORDER BY kind, name`,
		`INSERT INTO resources (kind, name, spec, digest, op, revision, record_shard, record_index, updated_at, subject, parent, state, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`},
	{"changes", words(`revision position kind name op digest record_shard record_index at`), words(`digest`),
		`SELECT revision, position, kind, name, op, digest, record_shard, record_index, at FROM changes ORDER BY revision, position`,
		`INSERT INTO changes (revision, position, kind, name, op, digest, record_shard, record_index, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`},
	{"control_ops", words(`record_shard record_index revision`), words(``),
		`SELECT record_shard, record_index, revision FROM control_ops ORDER BY record_shard, record_index`,
		`INSERT INTO control_ops (record_shard, record_index, revision) VALUES ($1, $2, $3)`},
	{"epochs", words(`identity floor`), words(``),
		`SELECT identity, floor FROM epochs ORDER BY identity`,
		`INSERT INTO epochs (identity, floor) VALUES ($1, $2)`},
	{"keys", words(`purpose id wrapped epoch created retired record_shard record_index`), words(`wrapped`),
		`SELECT purpose, id, wrapped, epoch, created, retired, record_shard, record_index FROM keys ORDER BY purpose, id`,
		`INSERT INTO keys (purpose, id, wrapped, epoch, created, retired, record_shard, record_index) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`},
	{"salts", words(`subject day salt`), words(`salt`),
		`SELECT subject, day, salt FROM salts ORDER BY subject, day`,
		`INSERT INTO salts (subject, day, salt) VALUES ($1, $2, $3)`},
	{"instance", words(`name value`), words(``),
		`SELECT name, value FROM instance ORDER BY name`,
		`INSERT INTO instance (name, value) VALUES ($1, $2)`},
	{"async_invocations", words(`arn identity grants model model_arn region account output_uri output_key output_owner token record_shard record_index submitted status modified ended checked`), words(``),
		`SELECT arn, identity, grants, model, model_arn, region, account, output_uri, output_key, output_owner, token, record_shard, record_index, submitted, status, modified, ended, checked FROM async_invocations ORDER BY arn`,
		`INSERT INTO async_invocations (arn, identity, grants, model, model_arn, region, account, output_uri, output_key, output_owner, token, record_shard, record_index, submitted, status, modified, ended, checked) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`},
	{"async_scans", words(`shard upto`), words(``),
		`SELECT shard, upto FROM async_scans ORDER BY shard`,
		`INSERT INTO async_scans (shard, upto) VALUES ($1, $2)`},
	{"archive", words(`kind name revision spec digest subject parent state record_shard record_index ended_at`), words(`digest`),
		`SELECT kind, name, revision, spec, digest, subject, parent, state, record_shard, record_index, ended_at FROM archive ORDER BY kind, name, revision`,
		`INSERT INTO archive (kind, name, revision, spec, digest, subject, parent, state, record_shard, record_index, ended_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`},
	{"shards", words(`name origin registered`), words(``),
		`SELECT name, origin, registered FROM shards ORDER BY name`,
		`INSERT INTO shards (name, origin, registered) VALUES ($1, $2, $3)`},
	{"feed", words(`shard position record_index entry signature`), words(`entry signature`),
		`SELECT shard, position, record_index, entry, signature FROM feed ORDER BY shard, position`,
		`INSERT INTO feed (shard, position, record_index, entry, signature) VALUES ($1, $2, $3, $4, $5)`},
	{"idempotency", words(`operator key digest status answer at`), words(`digest answer`),
		`SELECT operator, key, digest, status, answer, at FROM idempotency ORDER BY operator, key`,
		`INSERT INTO idempotency (operator, key, digest, status, answer, at) VALUES ($1, $2, $3, $4, $5, $6)`},
	{"used_once", words(`id expires`), words(``),
		`SELECT id, expires FROM used_once ORDER BY id`,
		`INSERT INTO used_once (id, expires) VALUES ($1, $2)`},
	{"sinks", words(`name since revision position holder until`), words(``),
		`SELECT name, since, revision, position, holder, until FROM sinks ORDER BY name`,
		`INSERT INTO sinks (name, since, revision, position, holder, until) VALUES ($1, $2, $3, $4, $5, $6)`},
	{"deliveries", words(`id sink subject seq event state attempts next_at error created`), words(``),
		`SELECT id, sink, subject, seq, event, state, attempts, next_at, error, created FROM deliveries ORDER BY id`,
		`INSERT INTO deliveries (id, sink, subject, seq, event, state, attempts, next_at, error, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`},
}

func words(names string) []string { return strings.Fields(names) }
