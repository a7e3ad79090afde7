// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {IDeviceRegistry} from "../interfaces/IDeviceRegistry.sol";
import {IParticipantRegistry} from "../interfaces/IParticipantRegistry.sol";
import {DeviceMessages} from "./libraries/DeviceMessages.sol";
import {Errors} from "./libraries/Errors.sol";
import {Grids} from "./libraries/Grids.sol";
import {Places} from "./libraries/Places.sol";
import {Roles} from "./libraries/Roles.sol";
import {SignerWord} from "./libraries/SignerWord.sol";
import {Statements} from "./libraries/Statements.sol";
import {Flex} from "./types/Flex.sol";

/// @title Metering points, their signers, and the portfolios they are in
contract DeviceRegistry is IDeviceRegistry, AccessManaged, EIP712, Nonces, Pausable {
    using Grids for Grids.List;
    using Places for Places.List;
    using SignerWord for SignerWord.History;
    using SignerWord for uint256;

    uint256 private constant BPS = 10_000;

    IParticipantRegistry public immutable participants;
    address public immutable oracle;
    address public immutable measurement;

    Grids.List private _grids;
    mapping(bytes16 meteringPoint => SignerWord.History) private _signers;
    mapping(bytes16 meteringPoint => Flex.MeteringPoint) private _points;
    /// @dev The places a point closed, oldest first.
    mapping(bytes16 meteringPoint => Flex.Stay[]) private _stays;
    /// @dev When a point last left.
    mapping(bytes32 portfolioId => uint40 time) private _lastLeft;
    /// @dev What was notified in a second in which a point had left already: it stood in the portfolio just before, and is counted.
    mapping(bytes32 portfolioId => mapping(uint256 time => uint40 until)) private _committedAfterLeaving;
    mapping(bytes32 portfolioId => Flex.Portfolio) private _portfolios;
    mapping(bytes32 portfolioId => Places.List) private _places;

    constructor(
        address governance,
        address participants_,
        address oracle_,
        address measurement_
    ) AccessManaged(governance) EIP712("Flexbond DeviceRegistry", "1") {
        if (governance == address(0)) revert Errors.Flexbond_ZeroAddress("governance");
        if (participants_ == address(0)) revert Errors.Flexbond_ZeroAddress("participants");
        if (oracle_ == address(0)) revert Errors.Flexbond_ZeroAddress("oracle");
        if (measurement_ == address(0)) revert Errors.Flexbond_ZeroAddress("measurement");
        participants = IParticipantRegistry(participants_);
        oracle = oracle_;
        measurement = measurement_;
    }

    // ------------------------------------------------------------------ grids and portfolios

    /// @inheritdoc IDeviceRegistry
    function publishGrid(Flex.Grid calldata grid_) external restricted returns (uint8 gridId) {
        gridId = _grids.publish(grid_);
        emit GridPublished(gridId, grid_);
    }

    /// @inheritdoc IDeviceRegistry
    function createPortfolio(address provider, bytes32 zone, uint16 customerShareBps, bytes32 salt) external returns (bytes32 portfolioId) {
        if (provider == address(0)) revert Errors.Flexbond_ZeroAddress("provider");
        _requireActsFor(provider);
        if (customerShareBps > BPS) revert Errors.DeviceRegistry_ShareInvalid(customerShareBps);
        portfolioId = keccak256(abi.encode(provider, zone, salt));
        Flex.Portfolio storage created = _portfolios[portfolioId];
        if (created.provider != address(0)) revert Errors.DeviceRegistry_PortfolioExists(portfolioId);

        created.provider = provider;
        created.customerShareBps = customerShareBps;
        created.zone = zone;
        emit PortfolioCreated(portfolioId, provider, zone, customerShareBps);
    }

    /// @inheritdoc IDeviceRegistry
    function raiseCustomerShare(bytes32 portfolioId, uint16 customerShareBps) external {
        Flex.Portfolio storage raised = _known(portfolioId);
        _requireActsFor(raised.provider);
        if (customerShareBps > BPS) revert Errors.DeviceRegistry_ShareInvalid(customerShareBps);
        uint16 present = raised.customerShareBps;
        if (customerShareBps <= present) revert Errors.DeviceRegistry_ShareLowered(present, customerShareBps);
        raised.customerShareBps = customerShareBps;
        emit CustomerShareRaised(portfolioId, customerShareBps);
    }

    /// @inheritdoc IDeviceRegistry
    function commit(bytes32 portfolioId, uint40 until) external {
        if (msg.sender != measurement) revert Errors.Flexbond_NotAllowed(msg.sender, measurement);
        Flex.Portfolio storage committed = _portfolios[portfolioId];
        if (until <= committed.committedUntil) return;

        committed.committedUntil = until;
        if (_lastLeft[portfolioId] == block.timestamp) _committedAfterLeaving[portfolioId][block.timestamp] = until;
        emit PortfolioCommitted(portfolioId, until);
    }

    /// @inheritdoc IDeviceRegistry
    function setPaused(bool paused_) external restricted {
        if (paused_) {
            _pause();
        } else {
            _unpause();
        }
    }

    // ------------------------------------------------------------------ metering points

    /// @inheritdoc IDeviceRegistry
    function state(
        Flex.Statement calldata statement,
        address meterOperator,
        bytes calldata operatorSignature,
        bytes calldata keyProof
    ) external {
        _requireValid(statement);
        if (!_isMeterOperator(meterOperator)) revert Errors.DeviceRegistry_NotMeterOperator(meterOperator);
        bytes32 statementHash = DeviceMessages.hashOf(statement);
        _requireSigned(meterOperator, statementHash, operatorSignature);
        bytes32 keyDigest = _hashTypedDataV4(DeviceMessages.keyProofHash(statement.meteringPoint, statementHash));
        if (!DeviceMessages.isSignedByKey(keyDigest, statement.scheme, statement.signer, keyProof)) {
            revert Errors.DeviceRegistry_KeyNotProven(statement.meteringPoint, statement.signer);
        }

        _followStatement(statement);
        Flex.MeteringPoint storage point = _points[statement.meteringPoint];
        point.customer = statement.customer;
        point.kind = statement.kind;
        point.suspendedAt = 0;
        point.sequence = statement.sequence;
        point.capacityW = statement.capacityW;
        point.connectionW = statement.connectionW;
        _signers[statement.meteringPoint].replace(SignerWord.pack(statement));
        emit Stated(statement.meteringPoint, meterOperator, statement);
    }

    /// @inheritdoc IDeviceRegistry
    function voidStatement(bytes16 id) external {
        uint256 word = _signers[id].present;
        if (word.scheme() == uint256(Flex.SignerScheme.None)) revert Errors.DeviceRegistry_Unstated(id);
        address customer = _points[id].customer;
        if (msg.sender != customer && !_isMeterOperator(msg.sender)) {
            revert Errors.Flexbond_NotAllowed(msg.sender, customer);
        }

        // The signer stays, so that what it signed can still be held against it.
        _signers[id].replace(word.withScheme(Flex.SignerScheme.None));
        emit StatementVoided(id, msg.sender);
    }

    /// @inheritdoc IDeviceRegistry
    function suspend(bytes16 id) external {
        if (msg.sender != oracle && !_isMeterOperator(msg.sender)) {
            revert Errors.DeviceRegistry_NotMeterOperator(msg.sender);
        }
        Flex.MeteringPoint storage point = _points[id];
        if (point.customer == address(0)) revert Errors.DeviceRegistry_Unstated(id);
        if (point.suspendedAt != 0) revert Errors.DeviceRegistry_Suspended(id);

        point.suspendedAt = uint40(block.timestamp);
        _signers[id].replace(_signers[id].present.withScheme(Flex.SignerScheme.Suspended));
        emit DeviceSuspended(id, msg.sender);
    }

    /// @inheritdoc IDeviceRegistry
    function enrol(Flex.Consent calldata consent, bytes calldata customerSignature) external whenNotPaused returns (uint40 index) {
        bytes16 id = consent.meteringPoint;
        Flex.MeteringPoint storage point = _points[id];
        _requireEnrollable(consent, point);
        if (block.timestamp >= consent.deadline) {
            revert Errors.Flexbond_SignatureExpired(consent.deadline, block.timestamp);
        }
        _requireSigned(consent.customer, DeviceMessages.hashOf(consent), customerSignature);

        _useCheckedNonce(consent.customer, consent.nonce);
        index = _join(consent.portfolioId, point, Places.taken(id, consent.payee, point.capacityW, point.connectionW, point.kind));
        point.portfolioId = consent.portfolioId;
    }

    /// @inheritdoc IDeviceRegistry
    function leave(bytes16 id) external {
        Flex.MeteringPoint storage point = _points[id];
        bytes32 portfolioId = point.portfolioId;
        if (portfolioId == 0) revert Errors.DeviceRegistry_NotEnrolled(id);
        if (msg.sender != point.customer) _requireActsFor(_portfolios[portfolioId].provider);

        _leave(id, point);
    }

    /// @inheritdoc IDeviceRegistry
    function changePayee(bytes32 portfolioId, uint40 index, address payee, uint40 deadline, bytes calldata signature) external {
        if (payee == address(0)) revert Errors.Flexbond_ZeroAddress("payee");
        Flex.Entry storage changed = _places[portfolioId].at(portfolioId, index);
        address present = changed.payee;
        if (msg.sender != present) {
            if (block.timestamp >= deadline) revert Errors.Flexbond_SignatureExpired(deadline, block.timestamp);
            uint256 nonce = _useNonce(present);
            bytes32 structHash = DeviceMessages.payeeChangeHash(portfolioId, index, payee, nonce, deadline);
            _requireSigned(present, structHash, signature);
        }

        changed.payee = payee;
        emit PayeeChanged(portfolioId, index, payee);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc IDeviceRegistry
    function nonces(address account) public view override(IDeviceRegistry, Nonces) returns (uint256) {
        return super.nonces(account);
    }

    /// @inheritdoc IDeviceRegistry
    function grid(uint8 gridId) external view returns (Flex.Grid memory) {
        return _grids.at(gridId);
    }

    /// @inheritdoc IDeviceRegistry
    function signer(bytes16 id) external view returns (Flex.SignerState memory) {
        return _signers[id].present.unpack();
    }

    /// @inheritdoc IDeviceRegistry
    function signers(bytes16[] calldata ids) external view returns (uint256[] memory words) {
        words = new uint256[](ids.length);
        for (uint256 i = 0; i < ids.length; i++) {
            words[i] = _signers[ids[i]].present;
        }
    }

    /// @inheritdoc IDeviceRegistry
    function signerWordAt(bytes16 id, uint40 moment) external view returns (uint256 word, uint256 from, uint256 until) {
        return _signers[id].at(moment);
    }

    /// @inheritdoc IDeviceRegistry
    function suspendedAt(bytes16 id) external view returns (uint40) {
        return _points[id].suspendedAt;
    }

    /// @inheritdoc IDeviceRegistry
    function meteringPoint(bytes16 id) external view returns (Flex.MeteringPoint memory) {
        return _points[id];
    }

    /// @inheritdoc IDeviceRegistry
    function portfolio(bytes32 portfolioId) external view returns (Flex.Portfolio memory) {
        return _known(portfolioId);
    }

    /// @inheritdoc IDeviceRegistry
    function providerOf(bytes32 portfolioId) external view returns (address) {
        return _known(portfolioId).provider;
    }

    /// @inheritdoc IDeviceRegistry
    function customerShareOf(bytes32 portfolioId) external view returns (uint16) {
        return _known(portfolioId).customerShareBps;
    }

    /// @inheritdoc IDeviceRegistry
    function entry(bytes32 portfolioId, uint256 index) external view returns (Flex.Entry memory) {
        return _places[portfolioId].at(portfolioId, index);
    }

    /// @inheritdoc IDeviceRegistry
    function payeeOf(bytes32 portfolioId, uint256 index) external view returns (address) {
        return _places[portfolioId].payeeAt(portfolioId, index);
    }

    /// @inheritdoc IDeviceRegistry
    function payees(bytes32 portfolioId, uint256 first, uint256 count) external view returns (address[] memory) {
        return _places[portfolioId].payees(portfolioId, first, count);
    }

    /// @inheritdoc IDeviceRegistry
    function pastStays(bytes16 id) external view returns (Flex.Stay[] memory) {
        return _stays[id];
    }

    /// @inheritdoc IDeviceRegistry
    function sums(bytes32 portfolioId) external view returns (Flex.PortfolioSums memory) {
        return _places[portfolioId].total();
    }

    /// @inheritdoc IDeviceRegistry
    function sumsBefore(bytes32 portfolioId, uint40 moment) external view returns (Flex.PortfolioSums memory) {
        return _places[portfolioId].totalBefore(moment);
    }

    // ------------------------------------------------------------------ places in a portfolio

    /// @dev Before a statement is written: a new customer takes the point out of its portfolio; a new capacity or kind gives it a new
    /// place, so that what an event under way counts on stays as it was.
    function _followStatement(Flex.Statement calldata statement) private {
        bytes16 id = statement.meteringPoint;
        Flex.MeteringPoint storage point = _points[id];
        bytes32 portfolioId = point.portfolioId;
        if (portfolioId == 0) return;
        if (point.customer != statement.customer) {
            _leave(id, point);
        } else if (point.capacityW != statement.capacityW || point.connectionW != statement.connectionW || point.kind != statement.kind) {
            address payee = _close(portfolioId, id, point);
            _join(portfolioId, point, Places.taken(id, payee, statement.capacityW, statement.connectionW, statement.kind));
        }
    }

    function _join(bytes32 portfolioId, Flex.MeteringPoint storage point, Flex.Entry memory place) private returns (uint40 index) {
        index = _places[portfolioId].add(place);
        point.entryIndex = index;
        emit Joined(portfolioId, place.meteringPoint, index, place.payee, place.capacityW, place.connectionW, place.kind);
    }

    function _close(bytes32 portfolioId, bytes16 id, Flex.MeteringPoint storage point) private returns (address payee) {
        uint40 index = point.entryIndex;
        payee = _places[portfolioId].close(index);
        _stays[id].push(Flex.Stay({portfolioId: portfolioId, index: index}));
        emit Left(portfolioId, id, index);
    }

    function _leave(bytes16 id, Flex.MeteringPoint storage point) private {
        bytes32 portfolioId = point.portfolioId;
        _close(portfolioId, id, point);
        point.portfolioId = 0;
        uint40 until = _portfolios[portfolioId].committedUntil;
        if (until > point.committedUntil) point.committedUntil = until;
        _lastLeft[portfolioId] = uint40(block.timestamp);
    }

    // ------------------------------------------------------------------ checks

    function _requireValid(Flex.Statement calldata statement) private view {
        Statements.requireValid(statement);
        _grids.at(statement.gridId);
        uint32 current = _points[statement.meteringPoint].sequence;
        if (statement.sequence <= current) revert Errors.DeviceRegistry_StatementOld(statement.meteringPoint, statement.sequence, current);
    }

    function _requireEnrollable(Flex.Consent calldata consent, Flex.MeteringPoint storage point) private view {
        bytes16 id = consent.meteringPoint;
        Flex.Portfolio storage joined = _known(consent.portfolioId);
        _requireActsFor(joined.provider);
        if (consent.payee == address(0)) revert Errors.Flexbond_ZeroAddress("payee");
        if (point.suspendedAt != 0) revert Errors.DeviceRegistry_Suspended(id);
        uint256 word = _signers[id].present;
        if (word.scheme() == uint256(Flex.SignerScheme.None) || word.validUntil() <= block.timestamp) {
            revert Errors.DeviceRegistry_Unstated(id);
        }
        if (point.customer != consent.customer) revert Errors.DeviceRegistry_WrongCustomer(id, consent.customer);
        if (point.portfolioId != 0) revert Errors.DeviceRegistry_AlreadyEnrolled(id, point.portfolioId);
        if (joined.customerShareBps < consent.customerShareBps) {
            revert Errors.DeviceRegistry_ShareTooLow(joined.customerShareBps, consent.customerShareBps);
        }
        uint256 until = _committedElsewhere(id, point, consent.portfolioId);
        if (block.timestamp < until) revert Errors.DeviceRegistry_StillCommitted(id, until);
    }

    /// @dev Until when the point is counted in the portfolio that it left last, if that is another than `portfolioId`.
    function _committedElsewhere(bytes16 id, Flex.MeteringPoint storage point, bytes32 portfolioId) private view returns (uint256 until) {
        Flex.Stay[] storage stays = _stays[id];
        if (stays.length == 0) return 0;
        bytes32 last = stays[stays.length - 1].portfolioId;
        if (last == portfolioId) return 0;
        until = point.committedUntil;
        uint256 leftAt = _places[last].entries[point.entryIndex].leftAt;
        uint256 afterLeaving = _committedAfterLeaving[last][leftAt];
        if (afterLeaving > until) until = afterLeaving;
        // A notice may still come in this very second.
        if (leftAt == block.timestamp && until <= leftAt) until = leftAt + 1;
    }

    function _requireSigned(address account, bytes32 structHash, bytes calldata signature) private view {
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!SignatureChecker.isValidSignatureNow(account, digest, signature)) {
            revert Errors.Flexbond_BadSignature(account, digest);
        }
    }

    function _requireActsFor(address provider) private view {
        if (!participants.mayAct(provider, msg.sender)) revert Errors.Flexbond_NotAllowed(msg.sender, provider);
    }

    function _isMeterOperator(address account) private view returns (bool isMember) {
        (isMember, ) = IAccessManager(authority()).hasRole(Roles.METER_OPERATOR, account);
    }

    function _known(bytes32 portfolioId) private view returns (Flex.Portfolio storage stored) {
        stored = _portfolios[portfolioId];
        if (stored.provider == address(0)) revert Errors.DeviceRegistry_PortfolioUnknown(portfolioId);
    }
}
