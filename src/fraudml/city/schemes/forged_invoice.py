"""R20 伪造票据、虚假票据报销: reimbursement by hand for invoices that no house ever printed.

Copies the seller of paper: one real invoice is copied for several persons, numbers out of a house's series, round amounts again and again.
Look-alike: an invoice that was cancelled and issued again, with the first settlement taken back.
"""

from __future__ import annotations

import numpy as np

from fraudml.city.encounters import DAY, invoice_number
from fraudml.city.medicine import STAY
from fraudml.city.month import Month
from fraudml.city.places import OUTSIDE
from fraudml.city.planting import Ground


def plant(ground: Ground) -> None:
    houses = ground.world.places.of(OUTSIDE)
    sums: dict[int, float] = {}
    for ring in range(ground.perpetrators(3)):
        boldness, (first, last) = ground.boldness(), ground.span(8)
        house = int(ground.rng.choice(houses))
        people = ground.choose_people(max(3, round(3 + 5 * boldness)), ground.age() > 30)
        for person in people:
            tag = ground.tag([("patient", int(person), "perpetrator")], ring=str(ring), free=True)
            sums[tag] = float(ground.rng.choice([9800.0, 8800.0, 12000.0, 6800.0]))
            day = np.sort(ground.days_in((first, max(first + 1, last - 70)), 2 + round(3 * boldness)))
            start = day * DAY + 10 * 60
            end = start + 5 * DAY
            true = invoice_number(ground.world, np.full(len(day), house), end)
            # copies of one of the ring's invoices, or numbers the house had printed long before or not yet
            copied = invoice_number(ground.world, np.full(len(day), house), np.full(len(day), (first + 20) * DAY + 700 + ring))
            shift = (ground.rng.integers(0, 2, len(day)) * 2 - 1) * ground.rng.integers(20_000, 60_000, len(day))
            invoice = np.where(ground.rng.random(len(day)) < 0.6, copied, true + shift)
            settled = (end // DAY + ground.rng.integers(15, 60, len(day))) * DAY + 9 * 60 + ground.rng.integers(0, 420, len(day))
            ground.visits(tag, patient=person, institution=house, disease=ground.any_of(("pneumonia", "gallstones"), len(day)), start=start,
                          end=end, settled=settled, manual=1, invoice=invoice, kind=3, setting=STAY, disease2=-1)  # fmt: skip
    again = ground.tag(lookalike=True, free=True)
    people = ground.choose_people(ground.amount(12), ground.age() > 20)
    day = ground.days_in((ground.first_day, max(ground.first_day + 1, ground.last_day - 70)), len(people))
    at = ground.rng.choice(houses, len(people))
    start = day * DAY + 10 * 60 + ground.rng.integers(0, 200, len(people))
    invoice = invoice_number(ground.world, at, start)
    for number, memo in enumerate((0, 6)):
        settled = (day + 20 + 15 * number) * DAY + 10 * 60 + ground.rng.integers(0, 200, len(people))
        ground.visits(again, patient=people, institution=at, disease=ground.disease("bronchitis"), start=start, settled=settled,
                      manual=1, invoice=invoice, memo=memo)  # fmt: skip

    def change(month: Month) -> None:
        first = month.bills([again])
        month.refund(first[month.encounters["memo"].to_numpy()[first] == 0], 5)
        month.drop_lines(np.isin(month.lines["bill"], month.bills(sums)))
        for tag, total in sums.items():
            bills = month.bills([tag])
            month.append(bills, "consult_ward", quantity=1.0, price=18.0)
            month.append(bills, "ct_abdomen", price=205.0)
            month.append(bills, "cholecystectomy", price=total - 223.0, amount=total - 223.0)

    ground.each_month(change)
