"""Inserts many rows with one statement, in a tenth of the time of ``create``.

1. The ORM creates the first row, with all defaults and computed fields, also those of
   other addons. The values that it added to the given ones are read back.
2. All other rows are inserted by one SQL statement: their own values, and for the other
   columns those of the first row, the *defaults*.
3. The defaults can be kept for the next batch, which then needs no ORM row at all.

Only for models whose new rows affect nothing else: no stored field of another record is
computed from them, and they are checked by no more than the database's constraints.
"""

from __future__ import annotations

from collections.abc import Collection

from odoo.tools import SQL

#: By model: the columns that the ORM has filled, each with its value as text.
Defaults = dict[str, dict[str, str]]


def create(
    model,
    vals_list: list[dict],
    clean: Collection[str] = (),
    defaults: Defaults | None = None,
) -> list[int]:
    """Create rows as ``model.create(vals_list)`` would; returns the ids in that order.

    The caller invalidates caches of related records.

    :param vals_list: all with the same keys, stored columns only
    :param clean: HTML fields whose values are clean and are stored as they are
    :param defaults: filled here; passed again with further rows with the same keys, it
        saves creating one by the ORM
    """
    if not vals_list:
        return []
    defaults = {} if defaults is None else defaults
    model.env.flush_all()
    if model._name in defaults:
        return _insert(model, vals_list, defaults[model._name], clean)
    first, *rest = vals_list
    record = model.create({**first, **dict.fromkeys(clean, "")})
    model.env.flush_all()
    defaults[model._name] = _defaults(record, first)
    for name in clean:
        model.env.cr.execute(
            SQL(
                "UPDATE %s SET %s = %s WHERE id = %s",
                SQL.identifier(model._table),
                SQL.identifier(name),
                first[name],
                record.id,
            )
        )
    record.invalidate_recordset(list(clean), flush=False)
    if not rest:
        return record.ids
    return record.ids + _insert(model, rest, defaults[model._name], clean)


def _defaults(record, vals: dict) -> dict[str, str]:
    """What the ORM wrote into a new row besides ``vals``, id and times; as text."""
    names = [
        field.name
        for field in record._fields.values()
        if field.store
        and field.column_type
        and field.name not in vals
        and field.name not in ("id", "create_date", "write_date")
    ]
    if not names:
        return {}
    columns = SQL(", ").join(SQL("%s::text", SQL.identifier(name)) for name in names)
    record.env.cr.execute(
        SQL(
            "SELECT %s FROM %s WHERE id = %s",
            columns,
            SQL.identifier(record._table),
            record.id,
        )
    )
    values = record.env.cr.fetchone()
    return {n: v for n, v in zip(names, values, strict=True) if v is not None}


def _insert(
    model, vals_list: list[dict], defaults: dict[str, str], clean: Collection[str]
) -> list[int]:
    """Insert ``vals_list`` and the defaults; the ids in that order."""
    model = model.browse()
    own = {name: model._fields[name] for name in vals_list[0]}
    ids = _next_ids(model, len(vals_list))
    # By column: the expression selected for it.
    columns = {"id": SQL("value.id")}
    columns |= {name: SQL("value.%s", SQL.identifier(name)) for name in own}
    columns |= {
        name: SQL("%s::%s", text, SQL(model._fields[name].column_type[0]))
        for name, text in defaults.items()
    }
    if model._log_access:
        columns |= dict.fromkeys(
            ("create_date", "write_date"), SQL("now() AT TIME ZONE 'UTC'")
        )
    arrays = [SQL("%s::int4[]", ids)]
    for name, field in own.items():
        values = [vals[name] for vals in vals_list]
        if name not in clean:
            values = [field.convert_to_column_insert(value, model) for value in values]
        arrays.append(SQL("%s::%s[]", values, SQL(field.column_type[0])))
    model.env.cr.execute(
        SQL(
            "INSERT INTO %s (%s) SELECT %s FROM unnest(%s) AS value (%s)",
            SQL.identifier(model._table),
            SQL(", ").join(map(SQL.identifier, columns)),
            SQL(", ").join(columns.values()),
            SQL(", ").join(arrays),
            SQL(", ").join(SQL.identifier(name) for name in ("id", *own)),
        )
    )
    return ids


def _next_ids(model, count: int) -> list[int]:
    model.env.cr.execute(
        "SELECT nextval(%s) FROM generate_series(1, %s)",
        [f"{model._table}_id_seq", count],
    )
    return [row[0] for row in model.env.cr.fetchall()]
