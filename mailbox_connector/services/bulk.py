"""Many rows in one statement, equal to those that the ORM writes.

The ORM makes the first row, with all that other addons add to it; the others are
that row with values of their own. Only for rows that set nothing off: no stored
field of another record is computed from them, and no check but the database's.
"""

from __future__ import annotations

from collections.abc import Collection

from odoo.tools import SQL


def create(model, vals_list: list[dict], clean: Collection[str] = ()) -> list[int]:
    """Like ``model.create(vals_list)``, a tenth of its time; the ids in that order.

    Caches of related records are the caller's to invalidate.

    :param vals_list: with equal keys, of stored columns alone
    :param clean: html fields whose values are clean already: taken as they are
    """
    if not vals_list:
        return []
    first, *rest = vals_list
    model.env.flush_all()
    template = model.create({**first, **dict.fromkeys(clean, "")})
    model.env.flush_all()
    ids = [template.id]
    if rest:
        ids += _insert_like(template, rest, clean)
    for name in clean:
        model.env.cr.execute(
            SQL(
                "UPDATE %s SET %s = %s WHERE id = %s",
                SQL.identifier(model._table),
                SQL.identifier(name),
                first[name],
                template.id,
            )
        )
    template.invalidate_recordset(list(clean), flush=False)
    return ids


def _insert_like(template, vals_list: list[dict], clean: Collection[str]) -> list[int]:
    """Rows like ``template``'s, but for the values in ``vals_list``."""
    model = template.browse()
    own = {name: model._fields[name] for name in vals_list[0]}
    same = [
        SQL.identifier(field.name)
        for field in model._fields.values()
        if field.store
        and field.column_type
        and field.name not in own
        and field.name != "id"
    ]
    ids = _next_ids(model, len(vals_list))
    types = [SQL(field.column_type[0]) for field in own.values()]
    values = [
        [
            vals[name]
            if name in clean
            else field.convert_to_column_insert(vals[name], model)
            for vals in vals_list
        ]
        for name, field in own.items()
    ]
    names = [SQL.identifier(name) for name in own]
    model.env.cr.execute(
        SQL(
            """
            INSERT INTO %(table)s (%(columns)s)
            SELECT %(selected)s
              FROM unnest(%(arrays)s) AS value (%(names)s), %(table)s template
             WHERE template.id = %(template)s
            """,
            table=SQL.identifier(model._table),
            columns=SQL(", ").join([SQL("id"), *names, *same]),
            selected=SQL(", ").join(
                [SQL("value.id"), *(SQL("value.%s", name) for name in names)]
                + [SQL("template.%s", name) for name in same]
            ),
            arrays=SQL(", ").join(
                SQL("%s::%s[]", column, kind)
                for column, kind in zip(
                    [ids, *values], [SQL("int4"), *types], strict=True
                )
            ),
            names=SQL(", ").join([SQL("id"), *names]),
            template=template.id,
        )
    )
    return ids


def _next_ids(model, count: int) -> list[int]:
    model.env.cr.execute(
        "SELECT nextval(%s) FROM generate_series(1, %s)",
        [f"{model._table}_id_seq", count],
    )
    return [row[0] for row in model.env.cr.fetchall()]
