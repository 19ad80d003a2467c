/** What may stand for an interface or a union, for `new InMemoryCache({ possibleTypes })` of Apollo Client. */
export const possibleTypes = {
  "ActivateMembershipResult": [
    "Membership",
    "ActivationCodeUnknown",
    "ActivationCodeUsed",
    "ActivationCodeOver",
    "OwnGift",
    "MembershipRunning",
    "TrialTaken",
    "IdempotencyConflict"
  ],
  "ActivationCodesResult": [
    "ActivationCodeBatch",
    "NotFound",
    "IdempotencyConflict"
  ],
  "AddToCartResult": [
    "Cart",
    "CartFull",
    "CartLineFull",
    "NotFound"
  ],
  "AddressResult": [
    "Address",
    "NotFound"
  ],
  "AdjustPointsResult": [
    "PointMove",
    "NotFound",
    "NotYourOwnPoints",
    "IdempotencyConflict"
  ],
  "AdjustStockResult": [
    "Sku",
    "StockChanged",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "AfterSaleQuoteResult": [
    "AfterSaleQuote",
    "OrderNotRefundable",
    "OrderNotConfirmed",
    "AfterSaleTooLate",
    "GoodsMustComeBack",
    "TooManyAfterSales",
    "TooManyUnits",
    "NotFound"
  ],
  "AssignSuppliedSkusResult": [
    "Supplier",
    "SupplierEnded",
    "SkuSupplied",
    "SupplierSkuCodeTaken",
    "NotFound"
  ],
  "BanAccountResult": [
    "Account",
    "LastAdmin",
    "NotFound",
    "IdempotencyConflict"
  ],
  "BindPhoneResult": [
    "Viewer",
    "PhoneTaken",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WechatBusy",
    "LoginSwitchedOff"
  ],
  "BuyMembershipResult": [
    "MembershipPurchase",
    "MembershipPlanStopped",
    "MembershipRunning",
    "TrialTaken",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CancelOrderAsStaffResult": [
    "Order",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CancelOrderResult": [
    "Order",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ChangeStaffPasswordResult": [
    "SignedIn",
    "SignInRefused",
    "StaffLocked",
    "PasswordTooWeak",
    "AccountDisabled",
    "LoginSwitchedOff"
  ],
  "ClaimCouponResult": [
    "Coupon",
    "NotFound",
    "CouponsNotYet",
    "CouponsOver",
    "CouponsOnlyInRoom",
    "CouponsOnlyGiven",
    "CouponLimitReached",
    "CouponsGone",
    "IdempotencyConflict"
  ],
  "ClaimFlashSaleResult": [
    "FlashSaleTicket",
    "FlashSaleSoldOut",
    "FlashSaleShort",
    "FlashSaleLimitReached",
    "FlashSaleClosed",
    "FlashSalePassRefused",
    "FlashSaleBusy",
    "IdempotencyConflict"
  ],
  "ComplaintResult": [
    "CustomerComplaint",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CompleteGroupBuyResult": [
    "GroupBuy",
    "NotFound",
    "GroupBuyOver",
    "NobodyHasPaid",
    "NotYourOwnOrder",
    "IdempotencyConflict"
  ],
  "ConfirmReceiptResult": [
    "Order",
    "OrderNotReceivable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ConfirmReturnArrivalResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "AfterSaleMoved",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CorrectTrackingNumberResult": [
    "Shipment",
    "ShipmentDelivered",
    "TrackingNumberTaken",
    "NotFound"
  ],
  "CouponBatchResult": [
    "CouponBatch",
    "NotFound",
    "IdempotencyConflict"
  ],
  "CreateAddressResult": [
    "Address",
    "TooManyAddresses"
  ],
  "CreateShareLinkResult": [
    "ShareLink",
    "NotFound"
  ],
  "CreateStoreResult": [
    "Store",
    "StoreCodeTaken"
  ],
  "CreateSupplierResult": [
    "SupplierWithKey",
    "SupplierCodeTaken",
    "IdempotencyConflict"
  ],
  "CustomerResult": [
    "CustomerProfile",
    "NotFound",
    "IdempotencyConflict"
  ],
  "DecideAfterSaleResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "AfterSaleMoved",
    "AgreedTooMuch",
    "GoodsHaveLeft",
    "NotFound",
    "IdempotencyConflict"
  ],
  "DeleteAddressResult": [
    "AddressDeleted",
    "NotFound"
  ],
  "DropCouponsResult": [
    "CouponBatch",
    "NotFound",
    "RoomNotOn",
    "CouponsDroppedElsewhere",
    "CouponsNotYet",
    "CouponsOver",
    "CouponsOnlyGiven"
  ],
  "EndAutoRenewalResult": [
    "AutoRenewal",
    "NoAutoRenewal"
  ],
  "EndBenefitsResult": [
    "BenefitHolding",
    "NotFound",
    "BenefitsElsewhere"
  ],
  "EndSessionResult": [
    "SignedOut",
    "NotFound"
  ],
  "EndSessionsOfResult": [
    "Account",
    "NotFound"
  ],
  "EnterLuckyDrawResult": [
    "LuckyDrawEntry",
    "LuckyDrawClosed",
    "CrewDoesNotEnter",
    "BannedFromRoom",
    "OnlyForBuyers",
    "NotFound"
  ],
  "ExtendReceiptResult": [
    "Order",
    "ReceiptNotExtendable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "FlashSaleResult": [
    "FlashSale",
    "NotFound",
    "WrongSaleState",
    "NotEnoughStock",
    "IdempotencyConflict"
  ],
  "FlashSaleTicketResult": [
    "FlashSaleTicket",
    "NotFound",
    "FlashSaleBusy"
  ],
  "FreightOfProductResult": [
    "Product",
    "NotFound"
  ],
  "FreightTemplateResult": [
    "FreightTemplate",
    "NotFound",
    "FreightNameTaken"
  ],
  "GiftMembershipResult": [
    "MembershipPurchase",
    "MembershipPlanStopped",
    "NotFound",
    "IdempotencyConflict"
  ],
  "GiveRoleResult": [
    "Account",
    "SecondFactorMissing",
    "NotFound"
  ],
  "GrantBenefitsResult": [
    "BenefitHolding",
    "NotFound",
    "IdempotencyConflict"
  ],
  "GroupBuyCampaignResult": [
    "GroupBuyCampaign",
    "NotFound",
    "NotOneProduct",
    "WrongCampaignState",
    "GroupBuyCampaignClosed",
    "NotEnoughStock",
    "IdempotencyConflict"
  ],
  "GroupBuyEventsResult": [
    "GroupBuyNews",
    "NotFound"
  ],
  "HandOverPickupResult": [
    "Order",
    "NotYourOwnOrder",
    "OrderNotReceivable",
    "OrderNotConfirmed",
    "WrongPickupCode",
    "PickupCodeLocked",
    "NotFound",
    "IdempotencyConflict"
  ],
  "HandOverPrizeResult": [
    "HandedOverPrize",
    "WrongPrizeCode",
    "PrizeHandedOver",
    "PrizeLapsed",
    "NotYourOwnPrize",
    "IdempotencyConflict"
  ],
  "JoinGroupBuyResult": [
    "GroupBuySeat",
    "GroupBuyFull",
    "GroupBuyOver",
    "AlreadyInGroupBuy",
    "NewcomersOnly",
    "GroupBuyCampaignClosed",
    "GroupBuyNotForYou",
    "GroupBuyLimitReached",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "LeaveGroupBuyResult": [
    "GroupBuy",
    "SeatNotLeavable",
    "OrderNotCancellable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "LiftSilenceResult": [
    "LiftedRoomSilence",
    "NotFound"
  ],
  "LikeRoomResult": [
    "RoomLiked",
    "NotFound",
    "RoomNotOn"
  ],
  "LiveRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState",
    "IdempotencyConflict"
  ],
  "MembershipPlanResult": [
    "MembershipPlan",
    "NotFound",
    "IdempotencyConflict"
  ],
  "MoveAfterSaleResult": [
    "AfterSale",
    "AfterSaleMoved",
    "NotFound",
    "IdempotencyConflict"
  ],
  "Node": [
    "Account",
    "ActivationCodeBatch",
    "Address",
    "AfterSale",
    "AudienceSegment",
    "BenefitGrant",
    "BenefitHolding",
    "Category",
    "Coupon",
    "CouponBatch",
    "FlashSale",
    "FlashSaleItem",
    "FlashSaleTicket",
    "FreightTemplate",
    "GroupBuy",
    "GroupBuyCampaign",
    "GroupBuyItem",
    "GroupBuySeat",
    "LuckyDraw",
    "Membership",
    "MembershipPlan",
    "MembershipPurchase",
    "Order",
    "Payment",
    "Product",
    "ProductPoll",
    "Room",
    "RoomItem",
    "SalePrice",
    "ShareLink",
    "Shipment",
    "Sku",
    "Store",
    "Supplier",
    "Viewer",
    "WonPrize"
  ],
  "OpenGroupBuyResult": [
    "GroupBuySeat",
    "GroupBuyCampaignClosed",
    "GroupBuyNotForYou",
    "GroupBuyLimitReached",
    "NotEnoughStock",
    "NotFound",
    "IdempotencyConflict"
  ],
  "OpenShareLinkResult": [
    "OpenedShare",
    "NotFound"
  ],
  "PayMembershipResult": [
    "PaymentInstructions",
    "MembershipNotPayable",
    "MembershipRenewsItself",
    "GatewayUnavailable",
    "PayerUnknown",
    "PaymentsSwitchedOff",
    "NotFound",
    "IdempotencyConflict"
  ],
  "PayOrderResult": [
    "PaymentInstructions",
    "OrderNotPayable",
    "GatewayUnavailable",
    "PayerUnknown",
    "PaymentsSwitchedOff",
    "NotFound",
    "IdempotencyConflict"
  ],
  "PlaceOrderResult": [
    "Order",
    "PriceChanged",
    "BasketEmpty",
    "TooManyUnpaidOrders",
    "CouponUnknown",
    "NotEnoughPoints",
    "NotEnoughStock",
    "UnknownSku",
    "NotForSale",
    "MembersOnly",
    "BelowMinimum",
    "NotDeliveredThere",
    "NoPickupThere",
    "DestinationMissing",
    "CouponNotUsable",
    "AmountTooLarge",
    "NotFound",
    "IdempotencyConflict"
  ],
  "PostCommentResult": [
    "PostedRoomComment",
    "NotFound",
    "RoomNotOn",
    "RoomChatClosed",
    "CommentTooSoon",
    "MutedInRoom",
    "BannedFromRoom",
    "IdempotencyConflict"
  ],
  "PreviewMembershipRefundResult": [
    "MembershipRefundPreview",
    "NoMembership"
  ],
  "PreviewMembershipUpgradeResult": [
    "MembershipUpgradePreview",
    "MembershipPlanStopped",
    "NoMembership",
    "NotAnUpgrade",
    "NotFound"
  ],
  "PriceLadderResult": [
    "Store",
    "NotFound"
  ],
  "ProductPollResult": [
    "ProductPoll",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ProductResult": [
    "Product",
    "NotFound"
  ],
  "RecordContactResult": [
    "CustomerProfile",
    "NotFound"
  ],
  "RecordMessageResult": [
    "RecordedMessage",
    "NotFound",
    "IdempotencyConflict",
    "MessageCapReached",
    "MessagesOptedOut"
  ],
  "RecordPayoutResult": [
    "LedgerEntry",
    "MoreThanAtGateway",
    "IdempotencyConflict"
  ],
  "RecordSupplierPaymentResult": [
    "Supplier",
    "MoreThanOwed",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RefreshSessionResult": [
    "SignedIn",
    "SessionEnded"
  ],
  "RefundMembershipGiftResult": [
    "MembershipPurchase",
    "GiftNotRefundable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RefundMembershipResult": [
    "Membership",
    "NoMembership",
    "NothingToRefund",
    "MembershipAmountChanged",
    "IdempotencyConflict"
  ],
  "RefundOrderResult": [
    "AfterSale",
    "NotYourOwnOrder",
    "OrderNotRefundable",
    "TooManyUnits",
    "AgreedTooMuch",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RemarkOrderResult": [
    "Order",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RemoveCommentResult": [
    "ModeratedRoomComment",
    "NotFound"
  ],
  "RenewSupplierKeyResult": [
    "SupplierWithKey",
    "SupplierEnded",
    "NotFound"
  ],
  "RequestAfterSaleResult": [
    "AfterSale",
    "OrderNotRefundable",
    "OrderNotConfirmed",
    "AfterSaleTooLate",
    "GoodsMustComeBack",
    "TooManyAfterSales",
    "TooManyUnits",
    "NotFound",
    "IdempotencyConflict"
  ],
  "RequestFlashSalePassResult": [
    "FlashSalePass",
    "FlashSalePlace",
    "FlashSaleNotOpen",
    "FlashSaleNotForYou",
    "FlashSaleClosed",
    "FlashSalePlaceRefused",
    "FlashSaleBusy",
    "NotFound"
  ],
  "ReserveRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState"
  ],
  "RetryRefundResult": [
    "RefundDetail",
    "NotFound",
    "PaymentsSwitchedOff"
  ],
  "RetryShippingUploadResult": [
    "ShippingUpload",
    "UploadNotRetryable",
    "NotFound"
  ],
  "RoomCommentsResult": [
    "RoomCommentConnection",
    "NotFound",
    "BannedFromRoom"
  ],
  "RoomEventsResult": [
    "RoomNews",
    "RoomPersonalNews",
    "NotFound",
    "BannedFromRoom"
  ],
  "RoomFiguresResult": [
    "RoomFigures",
    "NotFound"
  ],
  "RunLuckyDrawResult": [
    "LuckyDraw",
    "NotFound",
    "RoomNotOn",
    "PrizesBeyondBudget",
    "LuckyDrawStillOpen",
    "LuckyDrawOver",
    "DrawsSwitchedOff",
    "IdempotencyConflict"
  ],
  "RunRoomResult": [
    "Room",
    "NotFound",
    "WrongRoomState",
    "TooEarlyToGoLive",
    "RoomNotOn",
    "NotOnTheShelf"
  ],
  "SalePriceResult": [
    "SalePrice",
    "NotFound"
  ],
  "SegmentResult": [
    "AudienceSegment",
    "NotFound",
    "SegmentNameTaken",
    "IdempotencyConflict"
  ],
  "SetAutoRenewalResult": [
    "SetAutoRenewalSuccess",
    "AutoRenewalSwitchedOff",
    "NothingToRenew",
    "PayerUnknown",
    "GatewayUnavailable"
  ],
  "SetBirthdayResult": [
    "MyBenefits",
    "BirthdaySetRecently"
  ],
  "SetCartQuantityResult": [
    "Cart",
    "NotFound"
  ],
  "SetChatWordsResult": [
    "ChatWords",
    "ChatWordsChanged"
  ],
  "SetCheckInRewardsResult": [
    "CheckInRewards",
    "NotFound",
    "CheckInRewardsChanged"
  ],
  "SetLevelLadderResult": [
    "LevelLadder",
    "NotFound",
    "LevelLadderChanged"
  ],
  "SetMemberOnlyGoodsResult": [
    "MemberOnlyGoodsSet",
    "NotFound"
  ],
  "SetMemberPricesResult": [
    "MemberPricesSet",
    "NotFound"
  ],
  "SetOrderDestinationResult": [
    "Order",
    "OrderNotRedirectable",
    "NotFound",
    "IdempotencyConflict"
  ],
  "SetSaleDoorsResult": [
    "FlashSale",
    "GroupBuyCampaign",
    "NotFound",
    "SaleDoorsFixed"
  ],
  "SetSkuCostResult": [
    "Sku",
    "NotFound"
  ],
  "SetSkuPriceResult": [
    "Sku",
    "NotFound"
  ],
  "SetTrustRulesResult": [
    "TrustRules",
    "TrustRulesChanged"
  ],
  "SettleBillDifferenceResult": [
    "BillDifference",
    "NotFound"
  ],
  "SharePosterResult": [
    "SharePoster",
    "NotFound"
  ],
  "ShipOrderResult": [
    "Shipment",
    "OrderNotShippable",
    "OrderNotConfirmed",
    "TooManyUnits",
    "MixedSenders",
    "TrackingNumberTaken",
    "NotFound",
    "IdempotencyConflict"
  ],
  "ShipOrdersResult": [
    "ShippedOrders",
    "IdempotencyConflict"
  ],
  "SignInAsStaffResult": [
    "SignedIn",
    "SignInRefused",
    "StaffLocked",
    "PasswordChangeNeeded",
    "AccountDisabled",
    "LoginSwitchedOff"
  ],
  "SignInResult": [
    "SignedIn",
    "LoginSwitchedOff",
    "AccountDisabled"
  ],
  "SignInWithWechatResult": [
    "SignedIn",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WechatBusy",
    "LoginSwitchedOff",
    "AccountDisabled"
  ],
  "SilenceViewerResult": [
    "RoomSilence",
    "NotFound"
  ],
  "StartRoomFlashSaleResult": [
    "FlashSale",
    "NotFound",
    "RoomNotOn",
    "NotOnTheShelf",
    "BelowTheFloor",
    "NotEnoughStock",
    "FlashSaleClosed",
    "WrongSaleState",
    "IdempotencyConflict"
  ],
  "StartRoomGroupBuyResult": [
    "GroupBuyCampaign",
    "NotFound",
    "RoomNotOn",
    "NotOnTheShelf",
    "BelowTheFloor",
    "NotOneProduct",
    "NotEnoughStock",
    "GroupBuyCampaignClosed",
    "WrongCampaignState",
    "IdempotencyConflict"
  ],
  "StopRoomFlashSaleResult": [
    "FlashSale",
    "NotFound",
    "WrongSaleState"
  ],
  "StopRoomGroupBuyResult": [
    "GroupBuyCampaign",
    "NotFound",
    "WrongCampaignState"
  ],
  "SupplierResult": [
    "Supplier",
    "NotFound"
  ],
  "TakeRoleResult": [
    "Account",
    "LastAdmin",
    "NotFound"
  ],
  "UnbanAccountResult": [
    "Account",
    "NotFound"
  ],
  "UpdateStoreResult": [
    "Store",
    "NotFound"
  ],
  "UpgradeMembershipResult": [
    "MembershipPurchase",
    "MembershipPlanStopped",
    "NoMembership",
    "NotAnUpgrade",
    "MembershipAmountChanged",
    "NotFound",
    "IdempotencyConflict"
  ],
  "UserError": [
    "AccountDisabled",
    "ActivationCodeOver",
    "ActivationCodeUnknown",
    "ActivationCodeUsed",
    "AfterSaleMoved",
    "AfterSaleTooLate",
    "AgreedTooMuch",
    "AlreadyInGroupBuy",
    "AmountTooLarge",
    "AutoRenewalSwitchedOff",
    "BannedFromRoom",
    "BasketEmpty",
    "BelowMinimum",
    "BelowTheFloor",
    "BenefitsElsewhere",
    "BirthdaySetRecently",
    "CartFull",
    "CartLineFull",
    "ChatWordsChanged",
    "CheckInRewardsChanged",
    "CommentTooSoon",
    "CouponLimitReached",
    "CouponNotUsable",
    "CouponUnknown",
    "CouponsDroppedElsewhere",
    "CouponsGone",
    "CouponsNotYet",
    "CouponsOnlyGiven",
    "CouponsOnlyInRoom",
    "CouponsOver",
    "CrewDoesNotEnter",
    "DestinationMissing",
    "DrawsSwitchedOff",
    "FlashSaleBusy",
    "FlashSaleClosed",
    "FlashSaleLimitReached",
    "FlashSaleNotForYou",
    "FlashSaleNotOpen",
    "FlashSalePassRefused",
    "FlashSalePlaceRefused",
    "FlashSaleShort",
    "FlashSaleSoldOut",
    "FreightNameTaken",
    "GatewayUnavailable",
    "GiftNotRefundable",
    "GoodsHaveLeft",
    "GoodsMustComeBack",
    "GroupBuyCampaignClosed",
    "GroupBuyFull",
    "GroupBuyLimitReached",
    "GroupBuyNotForYou",
    "GroupBuyOver",
    "IdempotencyConflict",
    "LastAdmin",
    "LevelLadderChanged",
    "LoginSwitchedOff",
    "LuckyDrawClosed",
    "LuckyDrawOver",
    "LuckyDrawStillOpen",
    "MembersOnly",
    "MembershipAmountChanged",
    "MembershipNotPayable",
    "MembershipPlanStopped",
    "MembershipRenewsItself",
    "MembershipRunning",
    "MessageCapReached",
    "MessagesOptedOut",
    "MixedSenders",
    "MoreThanAtGateway",
    "MoreThanOwed",
    "MutedInRoom",
    "NewcomersOnly",
    "NoAutoRenewal",
    "NoMembership",
    "NoPickupThere",
    "NobodyHasPaid",
    "NotAnUpgrade",
    "NotDeliveredThere",
    "NotEnoughPoints",
    "NotEnoughStock",
    "NotForSale",
    "NotFound",
    "NotOnTheShelf",
    "NotOneProduct",
    "NotYourOwnOrder",
    "NotYourOwnPoints",
    "NotYourOwnPrize",
    "NothingToRefund",
    "NothingToRenew",
    "OnlyForBuyers",
    "OrderNotCancellable",
    "OrderNotConfirmed",
    "OrderNotPayable",
    "OrderNotReceivable",
    "OrderNotRedirectable",
    "OrderNotRefundable",
    "OrderNotShippable",
    "OwnGift",
    "PasswordChangeNeeded",
    "PasswordTooWeak",
    "PayerUnknown",
    "PaymentsSwitchedOff",
    "PhoneTaken",
    "PickupCodeLocked",
    "PollNotOpen",
    "PriceChanged",
    "PrizeHandedOver",
    "PrizeLapsed",
    "PrizesBeyondBudget",
    "ReceiptNotExtendable",
    "RoomChatClosed",
    "RoomNotOn",
    "SaleDoorsFixed",
    "SeatNotLeavable",
    "SecondFactorMissing",
    "SegmentNameTaken",
    "SessionEnded",
    "ShipmentDelivered",
    "SignInRefused",
    "SkuSupplied",
    "StaffLocked",
    "StockChanged",
    "StoreCodeTaken",
    "SuperUsersOnly",
    "SupplierCodeTaken",
    "SupplierEnded",
    "SupplierSkuCodeTaken",
    "TooEarlyToGoLive",
    "TooManyAddresses",
    "TooManyAfterSales",
    "TooManyUnits",
    "TooManyUnpaidOrders",
    "TrackingNumberTaken",
    "TrialTaken",
    "TrustRulesChanged",
    "UnknownSku",
    "UploadNotRetryable",
    "WechatBusy",
    "WechatCodeRefused",
    "WechatUserBlocked",
    "WrongCampaignState",
    "WrongPickupCode",
    "WrongPrizeCode",
    "WrongRoomState",
    "WrongSaleState"
  ],
  "VoteInPollResult": [
    "ProductPoll",
    "NotFound",
    "PollNotOpen",
    "SuperUsersOnly"
  ]
};
