package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/governance"
)

// Spend is a page of what was spent; query holds the operation's parameters.
func (c *Client) Spend(ctx context.Context, query url.Values) (out SpendReport, err error) {
	return out, c.call(ctx, http.MethodGet, "/spend?"+query.Encode(), nil, &out)
}

// Budgets is a page of budgets, with how they stand.
func (c *Client) Budgets(ctx context.Context, query url.Values) (out List[governance.BudgetView], err error) {
	return out, c.call(ctx, http.MethodGet, "/budgets?"+query.Encode(), nil, &out)
}

// Budget is one budget, with its accounts.
func (c *Client) Budget(ctx context.Context, name string) (out governance.BudgetView, err error) {
	return out, c.call(ctx, http.MethodGet, "/budgets/"+url.PathEscape(name), nil, &out)
}

// Unfreeze lets a frozen budget be spent from again.
func (c *Client) Unfreeze(ctx context.Context, name string, in governance.UnfreezeOrder) (out governance.Unfreezing, err error) {
	return out, c.call(ctx, http.MethodPost, "/budgets/"+url.PathEscape(name)+"/unfreeze", in, &out)
}
