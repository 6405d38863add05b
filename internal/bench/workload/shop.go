package workload

// Shop is a web shop of 30 services with the semantic conventions of 2023.
func Shop() World {
	return World{
		Name: "shop", Namespace: "shop", Domain: "shop.example.com",
		UserKey: "user.id", OrderKey: "order.id",
		services:  shopServices,
		gateways:  4,
		traffic:   []int{0, 0, 0, 0, 1, 1, 1, 2, 2, 3},
		known:     2,
		user:      "u%07d",
		order:     "ord-%s",
		ordering:  []string{"orders", "checkout", "payment"},
		orderPath: "heckout",
		inner: []string{
			"validate", "serialize", "renderTemplate", "loadConfig", "mapToDomain", "computeTotals",
			"mergeResults", "retryLoop", "cacheLookup", "buildResponse", "checkPermissions", "decodePayload",
		},
	}
}

// name | language | database | tables | entry points
const shopServices = `
web-gateway|go|redis|session|GET /;GET /products;GET /products/{id};GET /search;POST /cart/items;GET /cart;POST /checkout;GET /orders/{id};POST /login;GET /account
mobile-gateway|go|redis|session|GET /m/home;GET /m/products/{id};GET /m/search;POST /m/checkout;GET /m/orders/{id};POST /m/login;POST /m/push-token
partner-api|java|redis|quota|GET /v1/catalog;POST /v1/orders;GET /v1/orders/{id};PUT /v1/stock/{sku};GET /v1/prices/{sku}
scheduler|go|postgresql|jobs,job_runs|POST /jobs/{id}/run;POST /jobs/reindex;POST /jobs/settle
auth|go|postgresql|credentials,tokens|rpc auth.v1.AuthService Login,Verify,Refresh,Revoke
users|java|postgresql|users,addresses,preferences|rpc users.v1.UserService GetUser,UpdateUser,ListAddresses,GetPreferences
catalog|java|mongodb|products,categories|GET /catalog/products;GET /catalog/products/{id};GET /catalog/categories;POST /catalog/products:batch
search|java|elasticsearch|products-v7|GET /search/query;GET /search/suggest;POST /search/reindex
recommend|python|redis|features|POST /recommend/items;POST /recommend/similar;GET /recommend/health
pricing|go|postgresql|prices,discounts|rpc pricing.v1.PricingService GetPrice,GetPrices,ApplyDiscounts,Quote
inventory|go|postgresql|stock,reservations|rpc inventory.v1.InventoryService Check,Reserve,Release,Adjust
cart|nodejs|redis|cart|GET /cart/{user};POST /cart/{user}/items;DELETE /cart/{user}/items/{sku};POST /cart/{user}/merge
checkout|java|postgresql|checkouts|POST /checkout/begin;POST /checkout/confirm;GET /checkout/{id}
orders|java|postgresql|orders,order_items,order_events|rpc orders.v1.OrderService Create,Get,List,Cancel,UpdateStatus
payment|java|postgresql|payments,refunds|POST /payments;POST /payments/{id}/capture;POST /payments/{id}/refund;GET /payments/{id}
fraud|python|postgresql|scores|rpc fraud.v1.FraudService Score,Feedback
ledger|go|postgresql|entries,balances|rpc ledger.v1.LedgerService Post,Balance,Statement
shipping|nodejs|mysql|shipments,labels|POST /shipments;GET /shipments/{id};GET /rates
tracking|nodejs|mongodb|positions|GET /tracking/{id};POST /tracking/events
warehouse|java|mysql|bins,picks|rpc warehouse.v1.WarehouseService Pick,Pack,Locate
tax|go|redis|rates|rpc tax.v1.TaxService Calculate,Validate
currency|go|redis|fx|rpc currency.v1.CurrencyService Convert,Rates
notify|python|postgresql|templates,deliveries|topic notifications;topic order-events
email|python|||POST /send;topic emails
media|go|postgresql|assets|GET /media/{id};POST /media/resize
reviews|nodejs|mongodb|reviews|GET /reviews/{id};POST /reviews;GET /reviews/summary/{id}
promo|nodejs|mysql|coupons,campaigns|rpc promo.v1.PromoService Validate,ListActive,Redeem
loyalty|java|postgresql|points|rpc loyalty.v1.LoyaltyService Earn,Burn,Balance;topic loyalty-events
analytics|python|clickhouse|events|topic page-views;topic order-events
audit|go|postgresql|audit_log|topic audit;rpc audit.v1.AuditService Append
`
