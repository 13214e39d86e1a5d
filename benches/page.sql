-- The page of the 50 newest orders with their lines, as the database itself writes it as JSON: what the service's page is
-- compared with.
SELECT json_build_object('nodes', json_agg(page))
FROM (
    SELECT o.order_number AS "orderNumber", o.status, o.version, o.client_id AS "clientId",
        o.customer_code AS "customerCode", o.site_code AS "siteCode", o.sales_name AS "salesName", o.address, o.note,
        o.currency,
        (SELECT json_agg(line) FROM (
            SELECT l.line_no AS "lineNo", l.product_code AS "productCode", l.product_name AS "productName", l.quantity,
                l.unit, l.unit_price AS "unitPrice", l.note
            FROM sales_order_lines AS l WHERE l.order_id = o.id ORDER BY l.line_no
        ) AS line) AS products,
        o.total_quantity AS "totalQuantity", o.total_amount AS "totalAmount", o.created_at AS "createdAt",
        o.updated_at AS "updatedAt"
    FROM sales_orders AS o ORDER BY o.created_at DESC, o.id DESC LIMIT 50
) AS page;
