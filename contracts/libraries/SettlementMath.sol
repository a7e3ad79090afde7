// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Flex} from "../types/Flex.sol";
import {HashedItems} from "./HashedItems.sol";
import {Periods} from "./Periods.sol";
import {Rounding} from "./Rounding.sol";

/// @title What a dispatch earns and owes: energy in mWh, prices per MWh, money in base units
/// @dev Whoever is paid is rounded down, whoever owes is rounded up. A rule's bounds were checked when it was published.
/// What is computed per period is unchecked, 10 000 gas less for eight periods: a power has 40 bits, a time 40, a ratio 32, a price 96, a
/// response 128, so that no product passes 2^225 and no sum over 96 periods 2^232.
library SettlementMath {
    using HashedItems for Flex.CurvePoint[];
    using HashedItems for int128[];
    using HashedItems for uint40[];
    using Rounding for uint256;
    using Rounding for int256;

    uint256 internal constant BPS = 10_000;
    uint256 internal constant MILLIWH_PER_MWH = 1e9;
    uint256 internal constant W_PER_MW = 1e6;

    /// @notice What pay and penalty of a period depend on beside the curve: read once for all periods.
    struct Terms {
        uint256 utilisationPerMWh;
        uint256 shortfallPerMWh;
        uint256 overDeliveryCapBps;
        uint256 toleranceBps;
        bool isDeductible; // the tolerance
        bool isUncapped; // the deficiency
        bool paysOrdered;
        Flex.CurveKind payCurveKind;
    }

    // ------------------------------------------------------------------ energy

    /// @notice Whether power times time is a whole number of mWh.
    function isWholeMilliWh(uint256 powerW, uint256 duration) internal pure returns (bool) {
        unchecked {
            return (powerW * duration * 1000) % 3600 == 0;
        }
    }

    /// @notice Power times time, exact where `isWholeMilliWh`.
    function energyDown(uint256 powerW, uint256 duration) internal pure returns (uint256) {
        unchecked {
            return (powerW * duration * 1000).divDown(3600);
        }
    }

    /// @notice A dispatch's share of the measured response: the provider bears the rounding.
    function responseShareDown(int256 responseMilliWh, uint256 orderW, uint256 totalW) internal pure returns (int256) {
        unchecked {
            return (responseMilliWh * int256(orderW)).divDown(int256(totalW));
        }
    }

    // ------------------------------------------------------------------ prices of a unit

    /// @notice Collateral of one unit: its window energy times the shortfall price times `collateralBps`; the holder gains.
    function collateralPerUnitUp(Flex.Product calldata product, uint256 collateralBps) internal pure returns (uint256) {
        uint256 energy = energyDown(product.lotW, product.windowEnd - product.windowStart);
        return (energy * product.shortfallPerMWh * collateralBps).divUp(MILLIWH_PER_MWH * BPS);
    }

    /// @notice Availability payment of one unit for the whole window; the buyer gains.
    function availabilityPerUnitDown(Flex.Product calldata product) internal pure returns (uint256) {
        uint256 duration = product.windowEnd - product.windowStart;
        return (product.lotW * duration * product.availabilityPerMWhour).divDown(3600 * W_PER_MW);
    }

    /// @notice Most that an order can earn.
    function utilisationLimit(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        uint40[] memory ordersW
    ) internal pure returns (uint256 limit) {
        uint256 mostBps = mostPaidBps(rule);
        for (uint256 p = 0; p < ordersW.length; ++p) {
            limit += utilisationLimitOf(energyDown(ordersW[p], rule.periodSeconds), mostBps, product.utilisationPerMWh);
        }
    }

    /// @notice Most energy that is paid for, in parts of what was ordered.
    function mostPaidBps(Flex.Rule calldata rule) internal pure returns (uint256) {
        return rule.payBase == Flex.PayBase.Ordered ? BPS : rule.overDeliveryCapBps;
    }

    /// @notice Most that the order of one period, in mWh, can earn.
    function utilisationLimitOf(uint256 ordered, uint256 mostBps, uint256 price) internal pure returns (uint256) {
        unchecked {
            return ((ordered * mostBps).divDown(BPS) * price).divDown(MILLIWH_PER_MWH);
        }
    }

    // ------------------------------------------------------------------ one period

    function termsOf(Flex.Rule calldata rule, Flex.Product calldata product) internal pure returns (Terms memory) {
        return
            Terms({
                utilisationPerMWh: product.utilisationPerMWh,
                shortfallPerMWh: product.shortfallPerMWh,
                overDeliveryCapBps: rule.overDeliveryCapBps,
                toleranceBps: rule.toleranceBps,
                isDeductible: rule.toleranceKind == Flex.ToleranceKind.Deductible,
                isUncapped: rule.deficiencyUncapped,
                paysOrdered: rule.payBase == Flex.PayBase.Ordered,
                payCurveKind: rule.payCurveKind
            });
    }

    /// @notice Payment for a ratio, Bps: nothing below the first point, the last point's beyond it.
    function curveDown(Flex.CurveKind kind, Flex.CurvePoint[] calldata points, uint256 ratioBps) internal pure returns (uint256) {
        unchecked {
            uint256 fromRatioBps = 0;
            uint256 fromPayBps = 0;
            for (uint256 i = 0; i < points.length; ++i) {
                (uint256 toRatioBps, uint256 toPayBps) = points.at(i);
                if (toRatioBps > ratioBps) {
                    if (i == 0 || kind == Flex.CurveKind.Steps) return fromPayBps;
                    uint256 rise = (toPayBps - fromPayBps) * (ratioBps - fromRatioBps);
                    return fromPayBps + rise.divDown(toRatioBps - fromRatioBps);
                }
                (fromRatioBps, fromPayBps) = (toRatioBps, toPayBps);
            }
            return fromPayBps;
        }
    }

    /// @notice What is left of a deficiency after the rule's tolerance.
    function beyondTolerance(Terms memory terms, uint256 deficiency, uint256 ordered) internal pure returns (uint256) {
        unchecked {
            uint256 tolerated = (ordered * terms.toleranceBps).divDown(BPS);
            if (deficiency <= tolerated) return 0;
            return terms.isDeductible ? deficiency - tolerated : deficiency;
        }
    }

    /// @notice Pay and penalty of a period in which something was ordered.
    /// @param payCurve of the rule
    /// @param ordered mWh, not zero
    /// @param response the dispatch's share of the measured response, mWh
    /// @return delivered mWh, at most the rule's cap
    /// @return counted mWh, at most what was ordered
    function period(
        Terms memory terms,
        Flex.CurvePoint[] calldata payCurve,
        uint256 ordered,
        int256 response
    ) internal pure returns (uint256 delivered, uint256 counted, uint256 pay, uint256 penalty) {
        unchecked {
            uint256 achieved = response > 0 ? uint256(response) : 0;
            delivered = Math.min(achieved, (ordered * terms.overDeliveryCapBps).divDown(BPS));
            counted = Math.min(achieved, ordered);
            uint256 share = curveDown(terms.payCurveKind, payCurve, (BPS * counted).divDown(ordered));
            uint256 base = terms.paysOrdered ? ordered : delivered;
            pay = (base * terms.utilisationPerMWh * share).divDown(MILLIWH_PER_MWH * BPS);

            int256 missing = int256(ordered) - response;
            uint256 deficiency = missing > 0 ? uint256(missing) : 0;
            if (!terms.isUncapped) deficiency = Math.min(deficiency, ordered);
            penalty = penaltyUp(terms.shortfallPerMWh, beyondTolerance(terms, deficiency, ordered));
        }
    }

    function penaltyUp(uint256 shortfallPerMWh, uint256 energyMilliWh) internal pure returns (uint256) {
        unchecked {
            return (energyMilliWh * shortfallPerMWh).divUp(MILLIWH_PER_MWH);
        }
    }

    // ------------------------------------------------------------------ one dispatch

    /// @notice How a dispatch of a measured event ends; without the refund of its utilisation.
    /// @param responsesMilliWh of the event, for every period of the window
    /// @param totalsW power ordered of the event per period by all its dispatches
    function settleMeasured(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        Flex.Dispatch calldata dispatch_,
        int128[] calldata responsesMilliWh,
        uint256[] memory totalsW,
        uint256 customerShareBps
    ) internal pure returns (Flex.Settled memory result) {
        unchecked {
            Terms memory terms = termsOf(rule, product);
            Flex.CurvePoint[] calldata payCurve = rule.payCurve;
            uint40[] calldata ordersW = dispatch_.ordersW;
            uint256 duration = rule.periodSeconds;
            uint96 excusedMask = dispatch_.excusedMask;
            uint256 ordered = 0;
            uint256 counted = 0;
            for (uint256 p = 0; p < ordersW.length; ++p) {
                uint256 orderW = ordersW.at(p);
                if (orderW == 0) continue;
                uint256 energy = energyDown(orderW, duration);
                int256 response = responseShareDown(responsesMilliWh.at(p), orderW, totalsW[p]);
                (, uint256 countedHere, uint256 pay, uint256 penalty) = period(terms, payCurve, energy, response);
                ordered += energy;
                counted += countedHere;
                result.pay += pay;
                if (!Periods.has(excusedMask, p)) result.penalty += penalty;
            }
            uint256 share =
                ordered == 0 ? BPS : curveDown(rule.availabilityCurveKind, rule.availabilityCurve, (BPS * counted).divDown(ordered));
            _close(rule, product, dispatch_.units, share, customerShareBps, result);
        }
    }

    /// @notice How a dispatch of an event ends that was never measured; without the refund of its utilisation.
    function settleUnmeasured(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        Flex.Dispatch calldata dispatch_,
        uint256 customerShareBps
    ) internal pure returns (Flex.Settled memory result) {
        bool anyOrdered = false;
        for (uint256 p = 0; p < dispatch_.ordersW.length; ++p) {
            uint256 orderW = dispatch_.ordersW[p];
            if (orderW == 0) continue;
            anyOrdered = true;
            if (Periods.has(dispatch_.excusedMask, p)) continue;
            // an uncapped deficiency that nobody measured has no bound but the stop-loss
            if (rule.deficiencyUncapped) result.penalty = type(uint256).max;
            else result.penalty += penaltyUp(product.shortfallPerMWh, energyDown(orderW, rule.periodSeconds));
        }
        _close(rule, product, dispatch_.units, anyOrdered ? 0 : BPS, customerShareBps, result);
    }

    /// @dev The stop-loss, availability, the customers' part, and what is left of the locks.
    function _close(
        Flex.Rule calldata rule,
        Flex.Product calldata product,
        uint256 units,
        uint256 availabilityBps,
        uint256 customerShareBps,
        Flex.Settled memory result
    ) private pure {
        uint256 collateral = units * collateralPerUnitUp(product, rule.collateralBps);
        result.penalty = Math.min(result.penalty, (collateral * rule.stopLossBps).divDown(BPS));
        result.released = collateral - result.penalty;

        uint256 availability = units * availabilityPerUnitDown(product);
        result.availability = (availability * availabilityBps).divDown(BPS);
        if (rule.funding == Flex.Funding.Escrowed) result.availabilityRefund = availability - result.availability;
        result.pool = ((result.pay + result.availability) * customerShareBps).divDown(BPS);
    }
}
